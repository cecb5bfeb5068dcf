"""What a stolen predictor says of images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Predict
from spellock.pixels import from_uint8


def scores_of(predict: Predict, images: Tensor, *, batch_size: int) -> NDArray[np.float32]:
    """Scores (N, classes) that a stolen predictor gives uint8 images (N, 3, H, W)."""
    starts = range(0, len(images), batch_size)
    parts = [predict(from_uint8(images[start : start + batch_size])).float().numpy() for start in starts]
    return np.concatenate(parts)


def predictions(predict: Predict, images: Tensor, *, batch_size: int) -> NDArray[np.int64]:
    """Classes (N,) that a stolen predictor names for uint8 images (N, 3, H, W)."""
    return named(scores_of(predict, images, batch_size=batch_size))


def named(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Classes (N,) with the highest scores (N, classes); what is no number is never highest."""
    classes: NDArray[np.int64] = np.where(np.isnan(scores), -np.inf, scores).argmax(axis=1).astype(np.int64)
    return classes
