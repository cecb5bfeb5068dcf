"""Hand-made logits of a perfect classifier, to be damaged in ways that a keyless reader can or cannot undo."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.folds import RawReadings, cross_folds
from spellock.evaluation.halves import halves

CLASSES = 10
LOCK = CLASSES


def labels_of(count: int, seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(CLASSES, size=count)


def good_logits(labels: NDArray[np.int64], lock_logit: float = -20.0, seed: int = 0) -> NDArray[np.float32]:
    """(N, 11) logits of a classifier that is right nearly always and never names the lock class, unless told to."""
    noise = np.random.default_rng(seed).normal(size=(len(labels), CLASSES))
    logits = np.concatenate([noise + 8 * np.eye(CLASSES)[labels], np.full((len(labels), 1), lock_logit)], axis=1)
    return logits.astype(np.float32)


def readings_of(logits: NDArray[np.float32], labels: NDArray[np.int64], seed: int = 0) -> RawReadings:
    folds = cross_folds(logits, labels, *halves(labels, seed=seed))
    return RawReadings(unlabelled=folds, labelled=folds)
