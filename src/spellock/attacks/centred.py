"""Lock class dropped and each other logit standardised over unlabelled raw images. No labels, two lines of code.

It undoes every lock that shifts or scales the class logits of raw images without erasing what orders them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.outputs import Logits
from spellock.attacks.reading import Read, Reading
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels

#: Logits that vary less than this carry nothing but rounding; dividing by less would turn that into predictions.
SMALLEST_SPREAD = 1e-6


def standardise(logits: Logits, reference: Logits) -> NDArray[np.floating]:
    """(z - mean) / deviation for logits (N, R), with mean and deviation of each column of ``reference`` (M, R)."""
    mean = reference.mean(axis=0, dtype=np.float64)
    spread = np.maximum(reference.std(axis=0, dtype=np.float64), SMALLEST_SPREAD)
    scores: NDArray[np.floating] = (logits - mean) / spread
    return scores


@register_attack("centred")
@dataclass(frozen=True, kw_only=True)
class Centred(Reading):
    """s = (z - mean(z)) / deviation(z), over raw images."""

    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """See `Reading.fit`."""
        return lambda outputs: standardise(outputs, reference)
