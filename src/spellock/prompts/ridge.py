"""Ridge probes in closed form, judged on images that they were not fitted on."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.errors import DataError

#: Strengths, as shares of the number of rows; chosen by leaving one row out inside the training part.
STRENGTHS: Final = tuple(10.0**power for power in range(-3, 3))
_SMALLEST_SPREAD: Final = 1e-6
Array = NDArray[np.float64]


def fit_ridge(features: Array, targets: Array) -> tuple[Array, Array]:
    """(weights (D, T), offset (T,)) of W = argmin |Y - y0 - X W|^2 + lam N |W|^2 with the constant not shrunk.

    ``features`` (N, D) need not be centred; the offset takes their mean in. lam is the one of `STRENGTHS` with the
    smallest error on rows left out one at a time (PRESS): y - (y - fitted) / (1 - h), h the leverages.
    """
    count = len(features)
    mean, offset = features.mean(axis=0), targets.mean(axis=0)
    left, values, right = np.linalg.svd(features - mean, full_matrices=False)
    turned = left.T @ (targets - offset)
    best: tuple[float, Array] | None = None
    for strength in STRENGTHS:
        weight = values**2 / (values**2 + strength * count)
        residual = targets - offset - (left * weight) @ turned
        leverage = np.minimum((left**2 * weight).sum(axis=1) + 1 / count, 1 - 1e-6)
        error = float(((residual / (1 - leverage)[:, None]) ** 2).mean())
        if best is None or error < best[0]:
            best = (error, (right.T * (values / (values**2 + strength * count))) @ turned)
    assert best is not None
    return best[1], offset - mean @ best[1]


def out_of_fold(features: Array, targets: Array, groups: NDArray[np.int64], folds: int) -> Array:
    """Predictions (N, T) for each row by a probe that has not seen its group.

    Args:
        features: (N, D); standardised inside each training part.
        targets: (N, T).
        groups: which fold each row is held out with, 0 to ``folds`` - 1.
        folds: at least 2.

    Raises:
        DataError: a fold is empty, so that there is nothing to be held out.
    """
    found = np.empty_like(targets, dtype=np.float64)
    for fold in range(folds):
        held = groups == fold
        if not held.any() or held.all():
            raise DataError(f"fold {fold} of {folds} holds none or all images; use more images")
        known = features[~held]
        mean, spread = known.mean(axis=0), np.maximum(known.std(axis=0), _SMALLEST_SPREAD)
        weights, offset = fit_ridge((known - mean) / spread, targets[~held])
        found[held] = ((features[held] - mean) / spread) @ weights + offset
    return found


def image_folds(labels: NDArray[np.int64], folds: int, *, seed: int) -> NDArray[np.int64]:
    """Which fold each image is in: every class spread evenly over the folds, by chance within."""
    draw = np.random.default_rng([seed, 0x666F6C64])
    found = np.empty(len(labels), dtype=np.int64)
    start = 0
    for label in np.unique(labels):
        members = draw.permutation(np.flatnonzero(labels == label))
        found[members] = (np.arange(len(members)) + start) % folds
        start += len(members)
    return found
