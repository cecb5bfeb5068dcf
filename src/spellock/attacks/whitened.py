"""Lock class dropped and the other logits whitened (ZCA) over unlabelled raw images.

It undoes locks that also mix the class logits of raw images into each other, as a common lock direction does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.checks import positive
from spellock.attacks.outputs import Logits
from spellock.attacks.reading import Read, Reading
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels


def whitening(reference: Logits, ridge: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (R,) of ``reference`` (M, R), and W = (C + ridge t I)^(-1/2), C its covariance and t their mean variance.

    W is the symmetric root: of all whitenings the one that moves the axes least, so that classes keep their names.
    """
    mean = reference.mean(axis=0, dtype=np.float64)
    rows = reference.astype(np.float64) - mean
    covariance = rows.T @ rows / max(1, len(rows))
    least = ridge * max(float(np.trace(covariance)) / len(covariance), 1e-12)
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors / np.sqrt(np.maximum(values, 0) + least)) @ vectors.T
    return mean, root


@register_attack("whitened")
@dataclass(frozen=True, kw_only=True)
class Whitened(Reading):
    """s = W (z - mean(z)), W the inverse square root of the covariance of z over raw images.

    Attributes:
        ridge: share of the mean variance that is added to every direction, against directions of rounding alone.
    """

    ridge: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(ridge=self.ridge)

    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """See `Reading.fit`."""
        mean, root = whitening(reference, self.ridge)
        return lambda outputs: (outputs - mean) @ root
