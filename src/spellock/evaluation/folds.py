"""What a keyless reader of the outputs may look at (reference) and what it is then scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Logits of scored images beside logits of other raw images from which a reading may be fitted.

    Attributes:
        reference: (M, K) logits of raw images, none of them scored in this fold.
        reference_labels: (M,) their labels for the readings that need some; ``None`` where there are none.
        indices: (N,) places of the scored images in the test set.
        scored: (N, K) logits of the scored images.
    """

    reference: NDArray[np.float32]
    reference_labels: NDArray[np.int64] | None
    indices: NDArray[np.int64]
    scored: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class RawReadings:
    """Raw logits in one BatchNorm mode: folds for readings without labels, and folds for readings with labels.

    Each tuple of folds scores every test image exactly once.
    """

    unlabelled: tuple[Fold, ...]
    labelled: tuple[Fold, ...]


def cross_folds(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    other_logits: NDArray[np.float32] | None = None,
) -> tuple[Fold, ...]:
    """Two folds: fitted on the first half and scored on the second, then the other way round.

    ``other_logits`` replaces ``logits`` in the second fold, for models whose statistics were fitted on a half.
    """
    other = logits if other_logits is None else other_logits
    return tuple(
        Fold(reference=source[fit], reference_labels=labels[fit], indices=score, scored=source[score])
        for source, fit, score in ((logits, first, second), (other, second, first))
    )


def gather(folds: tuple[Fold, ...], parts: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """Put each fold's hits back at the places of its images."""
    hits = np.zeros(sum(len(part) for part in parts), dtype=np.bool_)
    for fold, part in zip(folds, parts, strict=True):
        hits[fold.indices] = part
    return hits


def gathered(readings: RawReadings) -> NDArray[np.float32]:
    """The logits (N, K) of all test images, in their order."""
    folds = readings.unlabelled
    logits = np.empty((sum(len(fold.scored) for fold in folds), folds[0].scored.shape[1]), dtype=np.float32)
    for fold in folds:
        logits[fold.indices] = fold.scored
    return logits
