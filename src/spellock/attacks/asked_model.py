"""A model that may only be asked, as a source of answers to copy: each image costs one of the thief's queries."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.customer import Customer
from spellock.attacks.outputs import outputs_of, real_places, softmax
from spellock.attacks.view import AttackerView


class AskedModel(Customer):
    """Tells class probabilities of the view's unlabelled images as `Customer` does, and asks ``answer`` for them then.

    Lock classes are left out. Where outputs are more than classes, the first images that are asked about say which they
    are, see `real_places`.

    Args:
        answer: float32 images (N, 3, H, W) in [0, 1] to outputs (N, K), K at least the number of classes.
        limit: images that are answered; None for all.
    """

    def __init__(self, answer: Callable[[Tensor], Tensor], view: AttackerView, *, limit: int | None) -> None:
        unknown = np.full((len(view.unlabelled), view.classes), 1 / view.classes, np.float32)
        super().__init__(unknown, limit=limit)
        self._answer, self._view = answer, view
        self._real: NDArray[np.int64] | None = None

    def __call__(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Customer`."""
        new = np.setdiff1d(places, np.array(sorted(self._asked), dtype=np.int64))
        super().__call__(places)  # before anything is asked: it refuses what is beyond the limit
        if len(new):
            images = self._view.unlabelled[torch.from_numpy(new)]
            seen = outputs_of(self._answer, images, label="asking the model")
            if self._real is None:
                self._real = real_places(seen.shape[1], self._view, seen)
            self._answers[new] = softmax(seen[:, self._real])
        found: NDArray[np.float32] = self._answers[places]
        return found
