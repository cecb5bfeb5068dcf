"""Random-feature probe: ridge on random Fourier features, a kernel machine's cheap form (Rahimi and Recht 2007)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.attacks.budget import Budget, Clock
from spellock.attacks.checks import positive
from spellock.attacks.features import Features
from spellock.attacks.probing import Fitted, Probe
from spellock.attacks.registry import register_attack
from spellock.attacks.ridge import fit_ridge
from spellock.attacks.view import Labels

#: Widths of the Gaussian kernel exp(-w |h - g|^2 / 2 D), tried in turn.
WIDTHS = (0.1, 0.5, 2.0)


@register_attack("random-features")
@dataclass(frozen=True, kw_only=True)
class RandomFeatures(Probe):
    """phi(h) = sqrt(2 / M) cos(A h + b), A Gaussian of variance w / D, b uniform; then ridge.

    It reads what is not linear.

    Attributes:
        count: M, how many random features.
    """

    count: int = 512

    def __post_init__(self) -> None:
        positive(count=self.count)

    def fit(
        self, features: Features, labels: Labels, classes: int, seed: int, *, budget: Budget, clock: Clock
    ) -> Fitted:
        """See `Probe.fit`."""
        fits = [self._one(features, labels, classes, width, seed) for width in WIDTHS]
        return max(fits, key=lambda one: (one.right, -one.error))

    def _one(self, features: Features, labels: Labels, classes: int, width: float, seed: int) -> Fitted:
        draws = np.random.default_rng([seed, 0x726666])
        size = features.shape[1]
        matrix = draws.normal(size=(size, self.count)) * np.sqrt(width / size)
        phase = draws.uniform(0, 2 * np.pi, size=self.count)

        def lift(rows: Features) -> Features:
            lifted: Features = np.sqrt(2 / self.count) * np.cos(rows @ matrix + phase)
            return lifted

        inner = fit_ridge(lift(features), labels, classes)
        return Fitted(read=lambda rows: inner.read(lift(rows)), right=inner.right, error=inner.error)
