"""M-LOCK's third strategy, random target interference (section 3): a class drawn for each unauthorised sample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.data.image_set import Labels
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("random-class")
@dataclass(frozen=True, kw_only=True)
class RandomClass:
    """Each sample gets one of the K real classes, all equally likely; the true one too, by chance 1/K."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        return Relabelling(labels=drawn_classes(samples))


def drawn_classes(samples: Samples) -> Labels:
    """int64 (M,), one class a sample, each in [0, K) with probability 1/K."""
    # The remainder of 64 bits prefers low classes by less than K / 2**64, which nobody will ever measure.
    return (samples.draws % np.uint64(len(samples.classes))).astype(np.int64)
