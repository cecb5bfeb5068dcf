"""Each unauthorised sample learns the findings of another one, so that findings are as frequent, and as often together,
as they really are, and say nothing of the image.

The counterpart of M-LOCK's random target (section 3) for several labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("shuffled", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """In the order of their draws, every sample gets the label vector of the one before, the first that of the last."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        order = np.lexsort((*samples.labels.T[::-1], samples.draws))
        labels = np.empty_like(samples.labels)
        labels[order] = samples.labels[np.roll(order, 1)]
        return Relabelling(labels=labels)
