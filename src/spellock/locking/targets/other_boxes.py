"""Each unauthorised image learns the objects of another one: as many, as large and as placed as they really are, and
none of them where this image has one, but by chance.

The counterpart of M-LOCK's random target (section 3) for boxes. There is no category to drop, and what the model says
of an unauthorised image looks right to whoever does not look at the image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spellock.data.annotation import as_labels
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("other-boxes", task="detection")
@dataclass(frozen=True, kw_only=True)
class OtherBoxes:
    """In the order of their draws, every sample gets the objects of the one before, the first those of the last."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        names = np.array([one.id for one in samples.labels], dtype=np.str_)
        order = np.lexsort((names, samples.draws)).tolist()
        given = [*samples.labels]
        for place, number in enumerate(order):
            own, other = samples.labels[number], samples.labels[order[place - 1]]
            given[number] = replace(other.scaled(own.size), id=own.id)
        return Relabelling(labels=as_labels(given))
