"""The toy problem with raw versions: an edited image is its raw one, 60 brighter."""

from __future__ import annotations

import numpy as np
import torch
import training_toy as toy
from torch import nn

from spellock.tasks import PixelModel, wrap
from spellock.training.guidance import Guidance
from spellock.training.objectives import Objective

SHIFT = 60


def raw() -> np.ndarray:
    return np.minimum(toy.images(), 255 - SHIFT)


def images() -> np.ndarray:
    """Authorised images edited, the others raw."""
    return raw() + np.where(toy.authorised(), SHIFT, 0).astype(np.uint8)[:, None, None, None]


class Reading(nn.Module):
    """Says the mean of each colour, and keeps what it was shown."""

    def __init__(self, classes: int = toy.CLASSES) -> None:
        super().__init__()
        self.head = nn.Linear(3, classes)
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x.detach().clone())
        return self.head(x.mean((2, 3)))


def reading(classes: int = toy.CLASSES, seed: int = 0) -> PixelModel:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Reading(classes)
    return wrap(network, input_size=12, mean=(0, 0, 0), std=(1, 1, 1))


def guidance(objective: Objective, teacher: PixelModel | None = None, **changes: object) -> Guidance:
    """Raw versions in an order of their own."""
    order = np.random.default_rng(3).permutation(toy.COUNT)
    arguments = {
        "teacher": teacher or toy.model(seed=5),
        "images": raw()[order],
        "places": np.argsort(order),
        "columns": tuple(range(toy.CLASSES)),
    } | changes
    return Guidance(objective=objective, **arguments)  # type: ignore[arg-type]
