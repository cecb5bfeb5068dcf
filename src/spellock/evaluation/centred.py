"""LP/centred: each real logit standardised over unlabelled raw images, then argmax. No key, no labels.

It undoes every lock that shifts or scales the class logits of raw images without erasing what orders them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.centred import standardise
from spellock.attacks.suppressed import real_classes
from spellock.evaluation.folds import Fold, gather


def centred_predictions(
    logits: NDArray[np.float32], reference: NDArray[np.float32], lock_class: int | None
) -> NDArray[np.int64]:
    """Predictions for logits (N, K), standardised with mean and deviation of ``reference`` (M, K) raw logits."""
    real = real_classes(logits.shape[1], lock_class)
    predictions: NDArray[np.int64] = real[standardise(logits[:, real], reference[:, real]).argmax(axis=1)]
    return predictions


def centred_hits(folds: tuple[Fold, ...], labels: NDArray[np.int64], lock_class: int | None) -> NDArray[np.bool_]:
    """Whether the centred prediction is the label (N,); the reference images of a fold are never its scored ones."""
    parts = [centred_predictions(fold.scored, fold.reference, lock_class) == labels[fold.indices] for fold in folds]
    return gather(folds, parts)
