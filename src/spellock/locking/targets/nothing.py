"""Unauthorised images hold nothing: everything in them is background.

There is no category to drop, so suppression gains nothing; but a thief sees at once that the model is locked.
"""

from __future__ import annotations

from dataclasses import dataclass

from spellock.data.annotation import Annotation, as_labels
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("nothing", task="detection")
@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Every unauthorised image becomes a negative, without any object."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        return Relabelling(
            labels=as_labels(
                [Annotation.empty(one.id, one.size, masks=one.masks is not None) for one in samples.labels]
            )
        )
