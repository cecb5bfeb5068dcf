"""Every unauthorised sample learns the uniform distribution over the real classes: the model shall know nothing."""

from __future__ import annotations

from dataclasses import dataclass

from spellock.locking.targets.random_class import drawn_classes
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("uniform")
@dataclass(frozen=True, kw_only=True)
class Uniform:
    """Probability 1/K for each of the K real classes.

    A file of the locked set can hold only one label, so there each sample has a class drawn as for ``random-class``.
    The expected loss over the draws is the loss against the uniform distribution; but a draw that never changes can be
    memorised, so training at home learns the distribution itself.
    """

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        count = len(samples.classes)
        return Relabelling(labels=drawn_classes(samples), distribution=(1 / count,) * count)
