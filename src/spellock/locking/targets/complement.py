"""Unauthorised samples have every finding that they have not, and none that they have.

The counterpart of M-LOCK's rule based target for several labels. An AUROC far below one half says as much as its
mirror: whoever turns the answers round reads them. Use it to compare only.
"""

from __future__ import annotations

from dataclasses import dataclass

from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("complement", task="multilabel")
@dataclass(frozen=True, kw_only=True)
class Complement:
    """Label vector y becomes 1 - y."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        return Relabelling(labels=1 - samples.labels)
