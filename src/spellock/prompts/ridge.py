"""Ridge probes in closed form, judged on images that they were not fitted on."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.errors import DataError

#: Strengths, as shares of the number of rows; chosen by leaving one image out inside the training part.
STRENGTHS: Final = tuple(10.0**power for power in range(-3, 3))
_SMALLEST_SPREAD: Final = 1e-6
Array = NDArray[np.float64]
Images = NDArray[np.int64]


def fit_ridge(features: Array, targets: Array, images: Images | None = None) -> tuple[Array, Array]:
    """(weights (D, T), offset (T,)) of W = argmin |Y - y0 - X W|^2 + lam N |W|^2 with the constant not shrunk.

    ``features`` (N, D) need not be centred; the offset takes their mean in. lam is the one of `STRENGTHS` with the
    smallest error on images left out one at a time, all versions of an image together (PRESS): for the rows g of an
    image (I - H_gg)^-1 (y_g - fitted_g), H the matrix from targets to fitted values. A version left out by itself has
    its twin, with the opposite target, among the known: what is then chosen is no strength for unseen images.

    Args:
        features: (N, D).
        targets: (N, T).
        images: which image each row is a version of; None takes every row for an image of its own.
    """
    count = len(features)
    images = np.arange(count) if images is None else images
    mean, offset = features.mean(axis=0), targets.mean(axis=0)
    left, values, right = np.linalg.svd(features - mean, full_matrices=False)
    turned = left.T @ (targets - offset)
    best: tuple[float, Array] | None = None
    for strength in STRENGTHS:
        weight = values**2 / (values**2 + strength * count)
        residual = targets - offset - (left * weight) @ turned
        error = _left_out(residual, left, weight, images)
        if best is None or error < best[0]:
            best = (error, (right.T * (values / (values**2 + strength * count))) @ turned)
    assert best is not None
    return best[1], offset - mean @ best[1]


def out_of_fold(features: Array, targets: Array, groups: Images, folds: int, images: Images | None = None) -> Array:
    """Predictions (N, T) for each row by a probe that has not seen its group.

    Args:
        features: (N, D); standardised inside each training part.
        targets: (N, T).
        groups: which fold each row is held out with, 0 to ``folds`` - 1.
        folds: at least 2.
        images: which image each row is a version of, see `fit_ridge`.

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
        versions = None if images is None else images[~held]
        weights, offset = fit_ridge((known - mean) / spread, targets[~held], versions)
        found[held] = ((features[held] - mean) / spread) @ weights + offset
    return found


def _left_out(residual: Array, left: Array, weight: Array, images: Images) -> float:
    """Mean squared error of rows predicted without the image that they are versions of."""
    count = len(residual)
    order = np.argsort(images, kind="stable")
    starts = np.flatnonzero(np.diff(images[order], prepend=images[order[:1]] - 1))
    total = 0.0
    for rows in np.split(order, starts[1:]):
        own = left[rows]
        smoother = (own * weight) @ own.T + 1 / count
        # A trace on the diagonal keeps a probe that fits its rows exactly from a division by zero.
        total += float((np.linalg.solve((1 + 1e-6) * np.eye(len(rows)) - smoother, residual[rows]) ** 2).sum())
    return total / residual.size


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
