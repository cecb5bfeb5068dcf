"""Lock class dropped: the largest of the other outputs is the answer. No data, one line of code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.outputs import Logits
from spellock.attacks.reading import Read, Reading
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels


def real_classes(classes: int, lock_class: int | None) -> NDArray[np.int64]:
    """Indices of all classes but the lock class."""
    return np.array([index for index in range(classes) if index != lock_class], dtype=np.int64)


@register_attack("suppressed")
@dataclass(frozen=True, kw_only=True)
class Suppressed(Reading):
    """s = z without the lock logit. It undoes locks that add a class and leave the order of the others alone."""

    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """See `Reading.fit`."""
        return lambda outputs: outputs
