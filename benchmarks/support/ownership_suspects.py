"""Suspects made of a locked model as thieves would make them, and unrelated ones; each is trained once and kept."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.ownership.case import Case
from spellock.ownership.queries import choose, edited, raw
from spellock.ownership.suspect import Suspect
from spellock.pixels import from_uint8
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.pixel_model import PixelModel

BATCH = 128


@dataclass(frozen=True, kw_only=True)
class Loot:
    """What thieves have: the locked model, public weights, labelled images that are in no locked set, the same edited.

    ``fresh`` makes a network with so many outputs from public weights, ``scratch`` one with random weights.
    """

    locked: PixelModel
    fresh: Callable[[int], PixelModel]
    scratch: Callable[[int], PixelModel]
    images: Tensor
    edited: Tensor
    labels: Tensor
    epochs: int
    seed: int

    @property
    def makers(self) -> dict[str, Callable[[], PixelModel]]:
        """Suspects by name; those that begin with "independent" do not go back to the locked model."""
        few = len(self.images) // 5
        return {
            "same": lambda: self.locked,
            "fine-tuned on edited images": lambda: self._tuned(self.edited[:few]),
            "fine-tuned on raw images": lambda: self._tuned(self.images[:few]),
            "pruned 30 %": lambda: pruned(self.locked, 0.3),
            "pruned 50 %": lambda: pruned(self.locked, 0.5),
            "pruned 70 %": lambda: pruned(self.locked, 0.7),
            "distilled on edited images": lambda: self._student(self.edited, self.edited),
            "extracted from an unlocked service": lambda: self._student(self.images, self.edited),
            "independent, from public weights": lambda: self.unrelated(self.fresh),
            "independent, from random weights": lambda: self.unrelated(self.scratch),
        }

    def unrelated(self, start: Callable[[int], PixelModel]) -> PixelModel:
        """A model of the same classes that knows nothing of the locked one."""
        classes = int(self.labels.max()) + 1
        return self._fit(start(classes), self.images, F.one_hot(self.labels, classes))

    def _tuned(self, images: Tensor) -> PixelModel:
        model = copy.deepcopy(self.locked)
        targets = F.one_hot(self.labels[: len(images)], model.num_classes)
        return self._fit(model, images, targets, rate=0.01)

    def _student(self, shown: Tensor, asked: Tensor) -> PixelModel:
        """Learns what the locked model says to ``asked`` as the answer to ``shown``, image by image."""
        answers = Suspect(self.locked).ask(asked).scores
        assert answers is not None
        return self._fit(self.fresh(self.locked.num_classes), shown, torch.from_numpy(answers))

    def _fit(self, model: PixelModel, images: Tensor, targets: Tensor, *, rate: float = 0.05) -> PixelModel:
        """SGD with momentum and mirrored images on cross-entropy with soft targets, the rate falling as a cosine."""
        draws = np.random.default_rng([self.seed, 0x6C6F6F74])
        model.train()
        optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
        steps = self.epochs * max(1, len(images) // BATCH)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        for _ in range(self.epochs):
            order = draws.permutation(len(images))
            for start in range(0, len(order) - min(BATCH, len(order)) + 1, BATCH):
                chosen = torch.from_numpy(order[start : start + BATCH])
                batch = from_uint8(images[chosen])
                mirrored = torch.from_numpy(draws.random(len(chosen)) < 0.5)
                batch[mirrored] = batch[mirrored].flip(3)
                optimiser.zero_grad()
                F.cross_entropy(model(batch), targets[chosen].float()).backward()
                optimiser.step()
                schedule.step()
        return model.eval()


def pruned(model: PixelModel, share: float) -> PixelModel:
    """The ``share`` of smallest weights of every kernel and matrix set to 0."""
    other = copy.deepcopy(model)
    for weight in other.network.parameters():
        if weight.ndim > 1:
            size = weight.data.abs()
            weight.data[size < size.flatten().kthvalue(max(1, int(share * size.numel()))).values] = 0
    return other


def worth(model: PixelModel, case: Case) -> dict[str, float]:
    """How often a suspect is right by itself, in percent, on up to 1,000 raw images and on the same edited."""
    assert case.editor is not None
    places = choose(case.images, min(1000, len(case.images)), seed=0)
    shown = {"raw": raw(case.images, places, 32), "edited": edited(case.images, places, case.editor)}
    truth = case.images.labels[places]
    return {name: 100 * float((Suspect(model).ask(asked).labels == truth).mean()) for name, asked in shown.items()}


def kept(folder: Path, make: Callable[[], PixelModel]) -> PixelModel:
    """The model in ``folder``, made and saved where there is none."""
    if not (folder / "config.json").is_file():
        model = make()
        save_model(model, folder, classes=[str(place) for place in range(model.num_classes)])
    return load_model(folder).model
