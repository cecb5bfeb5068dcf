"""LP/permuted: the best one-to-one renaming of the predicted classes, found with labels of other raw images.

Fitted and scored on the same images even random predictions look better than chance (13 % for 10 classes and 2,000
images), so a renaming is only ever scored on images that it was not fitted on.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.permuted import best_renaming
from spellock.errors import ConfigError
from spellock.evaluation.folds import Fold, gather
from spellock.evaluation.suppressed import suppressed_predictions


def permuted_hits(folds: tuple[Fold, ...], labels: NDArray[np.int64], lock_class: int | None) -> NDArray[np.bool_]:
    """Whether the renamed prediction, lock class dropped, is the label (N,).

    Raises:
        ConfigError: a fold has no labels to fit a renaming on.
    """
    parts = []
    for fold in folds:
        if fold.reference_labels is None:
            raise ConfigError("got a fold without labels, expected labelled reference images to fit the renaming on")
        fitted = suppressed_predictions(fold.reference, lock_class)
        renaming = best_renaming(fitted, fold.reference_labels, fold.scored.shape[1], lock_class)
        parts.append(renaming[suppressed_predictions(fold.scored, lock_class)] == labels[fold.indices])
    return gather(folds, parts)
