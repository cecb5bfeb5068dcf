"""A small classifier of features, fitted to what the owner's models say: not a model, and of no use without them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

Features = NDArray[np.float64]
#: Weight of the squared coefficients; there are few rows and many features.
_PENALTY = 1.0


def fit(yes: Features, no: Features) -> Callable[[Features], NDArray[np.float64]]:
    """Logistic regression on standardised features; gives the probability of "yes" for rows (M, D).

    Args:
        yes, no: rows (A, D) and (B, D); both kinds weigh the same.
    """
    rows = np.concatenate([yes, no])
    mean, spread = rows.mean(axis=0), rows.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    targets = np.concatenate([np.ones(len(yes)), np.zeros(len(no))])
    model = LogisticRegression(C=1 / _PENALTY, max_iter=1000, class_weight="balanced")
    model.fit((rows - mean) / spread, targets)

    def probability(features: Features) -> NDArray[np.float64]:
        found: NDArray[np.float64] = model.predict_proba((features - mean) / spread)[:, 1]
        return found

    return probability
