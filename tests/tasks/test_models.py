"""`create_model`: names, near matches, features, sizes, seeds."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from spellock.errors import ModelError, PixelError
from spellock.tasks import create_model, list_architectures, wrap
from spellock.tasks.heads import find_head

NAMES = [
    "resnet20",
    "small_resnet8",
    "mobilenet_v1_0.25",
    "test_resnet",
    "timm:test_vit",
    "torchvision:squeezenet1_1",
    "torchvision:shufflenet_v2_x0_5",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_model_gives_logits_and_the_features_its_classifier_sees(name: str) -> None:
    model = create_model(name, num_classes=5, input_size=64).eval()
    images = torch.rand(2, 3, 40, 48)
    logits, features = model(images), model.features(images)
    assert logits.shape == (2, 5)
    assert model.num_classes == 5
    _, head = find_head(model.network)
    if isinstance(head, nn.Linear):
        torch.testing.assert_close(head(features), logits)
    else:
        assert features.shape == (2, head.in_channels)


def test_own_resize_and_normalisation() -> None:
    seen: list[torch.Tensor] = []

    class Spy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return self.fc(x.mean((2, 3)))

    model = wrap(Spy(), input_size=4, mean=(0.5, 0.25, 0.0), std=(0.5, 0.5, 2.0)).eval()
    images = torch.rand(2, 3, 4, 4)
    model(images)
    for channel, (mean, std) in enumerate(((0.5, 0.5), (0.25, 0.5), (0.0, 2.0))):
        torch.testing.assert_close(seen[0][:, channel], (images[:, channel] - mean) / std)
    model(torch.ones(1, 3, 9, 7))
    torch.testing.assert_close(seen[1], torch.tensor([1.0, 1.5, 0.5]).view(1, 3, 1, 1).expand(1, 3, 4, 4))
    assert model.features(images).shape == (2, 3)


def test_output_objects_with_logits_are_unwrapped() -> None:
    class Output:
        def __init__(self, logits: torch.Tensor) -> None:
            self.logits = logits

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.classifier = nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> Output:
            return Output(self.classifier(x.mean((2, 3))))

    assert wrap(Transformer(), input_size=8)(torch.rand(1, 3, 8, 8)).shape == (1, 4)


@pytest.mark.parametrize(
    ("name", "near"),
    [("resnet21", "resnet20"), ("timm:resnt18", "timm:resnet18"), ("torchvision:vgg111", "torchvision:vgg11")],
)
def test_unknown_names_list_near_matches(name: str, near: str) -> None:
    with pytest.raises(ModelError, match=near):
        create_model(name, num_classes=2)


@pytest.mark.parametrize("name", ["hf-hub:someone/model", "local-dir:/tmp", "timm:hf-hub:someone/model"])
def test_names_cannot_reach_the_network_or_the_disk(name: str) -> None:
    with pytest.raises(ModelError):
        create_model(name, num_classes=2)


def test_listed_names_are_of_all_libraries() -> None:
    names = list_architectures()
    assert {"resnet20", "timm:resnet18", "torchvision:resnet18"} <= set(names)


def test_random_initial_values_follow_the_seed_and_leave_the_global_state() -> None:
    before = torch.get_rng_state()
    first, same, other = (create_model("resnet20", num_classes=2, seed=seed).network.conv1.weight for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_settings_that_could_read_files_are_refused() -> None:
    with pytest.raises(ModelError, match="checkpoint_path"):
        create_model("timm:test_resnet", num_classes=2, options={"checkpoint_path": "x.pth"})


def test_wrong_pixels_are_named() -> None:
    model = create_model("resnet20", num_classes=2)
    with pytest.raises(PixelError, match="uint8"):
        model(torch.zeros(1, 3, 32, 32, dtype=torch.uint8))
    with pytest.raises(PixelError, match="normalisation"):
        model.eval()(torch.full((1, 3, 32, 32), 2.0))


def test_a_network_without_logits_is_named() -> None:
    with pytest.raises(ModelError, match="logits"):
        wrap(nn.Conv2d(3, 2, 1), input_size=8)(torch.rand(1, 3, 8, 8))
    with pytest.raises(ModelError, match=r"nn\.Module"):
        wrap("resnet20", input_size=8)  # type: ignore[arg-type]
