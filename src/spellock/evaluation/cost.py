"""What unlocking costs a customer, an image, against using a plain model."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.tasks.collect import forward, in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel

_REPEATS = 3


@dataclass(frozen=True, kw_only=True)
class UnlockCost:
    """Milliseconds an image, in batches, decoding excluded.

    Attributes:
        edit_ms: squash, edit and blend.
        inference_ms: the model alone.
    """

    edit_ms: float
    inference_ms: float

    @property
    def ratio(self) -> float:
        """Unlocked prediction over plain inference."""
        return (self.edit_ms + self.inference_ms) / self.inference_ms


def unlock_cost(
    model: PixelModel, images: list[NDArray[np.uint8]], *, edit_seconds: float, edited_images: int
) -> UnlockCost:
    """Cost from the measured editing time of many images and the median of three timed passes over ``images``."""
    times = []
    with in_evaluation_mode(model):
        forward(model, images)  # warm-up
        for _ in range(_REPEATS):
            started = time.perf_counter()
            forward(model, images)
            times.append(time.perf_counter() - started)
    return UnlockCost(
        edit_ms=1000 * edit_seconds / edited_images,
        inference_ms=max(1000 * statistics.median(times) / len(images), 1e-6),
    )
