"""M-LOCK's first strategy, single target interference (section 3): every unauthorised sample gets the same real class.

Samples that truly belong to that class keep their label, so without the key the model is still right about them: LP is
at least the share of that class.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.locking.targets.places import place_of
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("constant")
@dataclass(frozen=True, kw_only=True)
class Constant:
    """Put all samples into one of the real classes.

    Attributes:
        target_class: its name; None takes the first class. The paper does not say which one it took.
    """

    target_class: str | None = None

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the data has no such class; near matches are listed.
        """
        place = 0
        if self.target_class is not None:
            place = place_of(self.target_class, samples.classes, kind="class", wanted="the target_class")
        return Relabelling(labels=np.full(len(samples.labels), place, dtype=np.int64))
