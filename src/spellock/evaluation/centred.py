"""LP/centred: each real logit standardised over unlabelled raw images, then argmax. No key, no labels.

It undoes every lock that shifts or scales the class logits of raw images without erasing what orders them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.folds import Fold, gather
from spellock.evaluation.suppressed import real_classes

#: Logits that vary less than this carry nothing but rounding; dividing by less would turn that into predictions.
SMALLEST_SPREAD = 1e-6


def centred_predictions(
    logits: NDArray[np.float32], reference: NDArray[np.float32], lock_class: int | None
) -> NDArray[np.int64]:
    """Predictions for logits (N, K), standardised with mean and deviation of ``reference`` (M, K) raw logits."""
    real = real_classes(logits.shape[1], lock_class)
    mean = reference[:, real].mean(axis=0, dtype=np.float64)
    spread = np.maximum(reference[:, real].std(axis=0, dtype=np.float64), SMALLEST_SPREAD)
    predictions: NDArray[np.int64] = real[((logits[:, real] - mean) / spread).argmax(axis=1)]
    return predictions


def centred_hits(folds: tuple[Fold, ...], labels: NDArray[np.int64], lock_class: int | None) -> NDArray[np.bool_]:
    """Whether the centred prediction is the label (N,); the reference images of a fold are never its scored ones."""
    parts = [centred_predictions(fold.scored, fold.reference, lock_class) == labels[fold.indices] for fold in folds]
    return gather(folds, parts)
