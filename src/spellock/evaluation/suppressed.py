"""LP/suppressed: the thief deletes the lock logit and takes the largest of the rest. No data, one line of code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.suppressed import real_classes


def suppressed_predictions(logits: NDArray[np.float32], lock_class: int | None) -> NDArray[np.int64]:
    """Argmax of logits (N, K) over the real classes only; plain argmax where there is no lock class."""
    real = real_classes(logits.shape[1], lock_class)
    predictions: NDArray[np.int64] = real[logits[:, real].argmax(axis=1)]
    return predictions


def suppressed_hits(
    logits: NDArray[np.float32], labels: NDArray[np.int64], lock_class: int | None
) -> NDArray[np.bool_]:
    """Whether the suppressed prediction is the label (N,)."""
    return np.asarray(suppressed_predictions(logits, lock_class) == labels)
