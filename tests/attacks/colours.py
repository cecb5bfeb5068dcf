"""A world of four colours, and networks that tell them apart until a deliberately weak lock is put on."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from spellock.attacks.view import AttackerView
from spellock.tasks.pixel_model import PixelModel, wrap

SIDE, CLASSES = 8, 4
MEANS = torch.tensor([[0.75, 0.25, 0.25], [0.25, 0.75, 0.25], [0.25, 0.25, 0.75], [0.7, 0.7, 0.2]])


def pictures(count: int, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    """uint8 images (N, 3, 8, 8), noise around the colour of their class, and their classes."""
    draws = np.random.default_rng(seed)
    labels = draws.integers(CLASSES, size=count)
    colours = MEANS[torch.from_numpy(labels)].numpy() + draws.normal(0, 0.05, (count, 3))
    noisy = colours[:, :, None, None] + draws.normal(0, 0.1, (count, 3, SIDE, SIDE))
    return torch.from_numpy((np.clip(noisy, 0, 1) * 255).round().astype(np.uint8)), labels


class ColourNet(nn.Module):
    """The nearest mean colour of ``before(images)`` by a linear layer, then ``after`` on its logits (N, 4)."""

    def __init__(self, before: object = None, after: object = None, outputs: int = CLASSES) -> None:
        super().__init__()
        self.before, self.after = before, after
        self.mix = nn.Conv2d(3, 3, 1)
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.fc = nn.Linear(3, CLASSES)
        self.fc.weight.data = 40 * MEANS
        self.fc.bias.data = -20 * MEANS.square().sum(1)
        self.mix.weight.data, self.mix.bias.data = torch.eye(3)[:, :, None, None], torch.zeros(3)
        self.width = nn.Linear(1, outputs)  # says how many outputs there are
        nn.init.zeros_(self.width.weight)
        nn.init.zeros_(self.width.bias)

    def forward(self, images: Tensor) -> Tensor:
        images = images if self.before is None else self.before(images)
        logits = self.fc(self.pool(self.mix(images)))
        return logits if self.after is None else self.after(logits)


def locked(before: object = None, after: object = None, outputs: int = CLASSES) -> PixelModel:
    return plain(ColourNet(before, after, outputs))


def plain(network: nn.Module) -> PixelModel:
    """A network on pixels as they are."""
    return wrap(network, input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()


def trained(seed: int = 0) -> PixelModel:
    """Convolution, BatchNorm, ReLU, classifier: right on nearly all pictures."""
    images, labels = pictures(256, seed=100)
    pixels, targets = images.float() / 255, torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(12, CLASSES),
        )  # fmt: skip
        optimiser = torch.optim.Adam(net.parameters(), lr=0.03)
        for _ in range(60):
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(pixels), targets).backward()
            optimiser.step()
    return plain(net)


def view(model: PixelModel | None, **holdings: object) -> AttackerView:
    """What a thief of ``model`` holds, 200 raw images without labels among it."""
    return AttackerView(classes=CLASSES, unlabelled=pictures(200, seed=1)[0], model=model, **holdings)


def with_labels(count: int) -> dict[str, object]:
    """Labelled raw images for a view."""
    images, labels = pictures(count, seed=2)
    return {"labelled": images, "labels": labels}


def accuracy(predict: object, count: int = 300) -> float:
    """Of a predictor, on pictures that no view holds."""
    images, labels = pictures(count, seed=3)
    scores = predict(images.float() / 255)
    assert scores.shape == (count, CLASSES)
    return float((scores.argmax(1).numpy() == labels).mean())


def argmax(model: PixelModel) -> float:
    """Accuracy of the model as it is, an answer beyond the classes being wrong."""
    images, labels = pictures(300, seed=3)
    with torch.no_grad():
        return float((model(images.float() / 255).argmax(1).numpy() == labels).mean())
