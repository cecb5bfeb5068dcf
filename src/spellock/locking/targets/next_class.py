"""M-LOCK's second strategy, rule based target interference (section 3): the next class, and after the last the first.

Whoever finds the rule shifts the answers back without the key; the evaluation's ``lp_permuted`` does that.
"""

from __future__ import annotations

from dataclasses import dataclass

from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("next-class")
@dataclass(frozen=True, kw_only=True)
class NextClass:
    """Label y becomes (y + 1) mod K, which is never y."""

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        return Relabelling(labels=(samples.labels + 1) % len(samples.classes))
