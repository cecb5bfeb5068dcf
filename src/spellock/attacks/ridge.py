"""Ridge probe: least squares on one-hot labels in closed form, its strength chosen by leaving one out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.budget import Budget, Clock
from spellock.attacks.features import Features
from spellock.attacks.probing import Fitted, Probe, one_hot
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels

#: Strengths, as shares of the number of images.
STRENGTHS = tuple(10.0**power for power in range(-4, 3))


@register_attack("ridge")
@dataclass(frozen=True, kw_only=True)
class Ridge(Probe):
    """W = argmin |Y - H W|^2 + lam |W|^2 on standardised features H with a constant column that is not shrunk."""

    def fit(
        self, features: Features, labels: Labels, classes: int, seed: int, *, budget: Budget, clock: Clock
    ) -> Fitted:
        """See `Probe.fit`."""
        return fit_ridge(features, labels, classes)


def fit_ridge(features: Features, labels: Labels, classes: int) -> Fitted:
    """The ridge reader with the strength that names most labels when each is left out in turn.

    With H = U S V', the fitted values are U d U' Y, d = s^2 / (s^2 + lam), and an image's prediction without itself is
    y - (y - fitted) / (1 - h), h the diagonal of U d U' plus 1/N for the constant (PRESS).
    """
    count = len(features)
    mean = features.mean(axis=0, dtype=np.float64)
    left, values, right = np.linalg.svd(features - mean, full_matrices=False)
    targets = one_hot(labels, classes)
    offset = targets.mean(axis=0)
    turned = left.T @ (targets - offset)
    best: tuple[tuple[float, float], NDArray[np.float64]] | None = None
    for strength in STRENGTHS:
        weight = values**2 / (values**2 + strength * count)
        fitted = (left * weight) @ turned + offset
        leverage = np.minimum((left**2 * weight).sum(axis=1) + 1 / count, 1 - 1e-6)
        without = targets - (targets - fitted) / (1 - leverage)[:, None]
        right_share = float((without.argmax(axis=1) == labels).mean())
        error = float(((targets - without) ** 2).mean())
        if best is None or (right_share, -error) > best[0]:
            shrunk = values / (values**2 + strength * count)
            best = ((right_share, -error), (right.T * shrunk) @ turned)
    assert best is not None
    (right_share, negative), matrix = best
    return Fitted(read=lambda rows: (rows - mean) @ matrix + offset, right=right_share, error=-negative)
