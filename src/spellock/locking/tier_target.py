"""Lock targets with tiers: room for the groups among the classes, and a check that a target does not defeat them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spellock.errors import ConfigError
from spellock.locking.targets import Relabelling, Samples, Target
from spellock.locking.tiers import Tier, group_names


@dataclass(frozen=True, kw_only=True)
class WithGroups:
    """A lock target whose extra classes come after the groups; unauthorised images never learn a group.

    Attributes:
        target: the lock target itself.
        groups: names of the groups.
    """

    target: Target
    groups: tuple[str, ...]

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the target adds a class that is called like a group.
        """
        made, real, more = self.target(samples), len(samples.classes), len(self.groups)
        folded = {name.casefold() for name in self.groups}
        for name in made.extra_classes:
            if name.casefold() in folded:
                raise ConfigError(f"a group is called {name!r} like the class that the lock target adds; rename one")
        lock, shares = made.lock_class, made.distribution
        return Relabelling(
            labels=np.where(made.labels >= real, made.labels + more, made.labels),
            extra_classes=(*self.groups, *made.extra_classes),
            lock_class=lock if lock is None or lock < real else lock + more,
            distribution=None if shares is None else (*shares[:real], *(0.0,) * more, *shares[real:]),
            tasks=made.tasks,
            answers=made.answers,
        )


def with_groups(target: Target, tiers: Sequence[Tier], classes: tuple[str, ...]) -> Target:
    """The lock target with room for the groups; the target itself without tiers.

    Raises:
        ConfigError: unauthorised images would learn a label that depends on their true class: then whoever has no key
            reads more from the model than a tier's key releases.
    """
    if not tiers:
        return target
    one_each = np.arange(len(classes), dtype=np.int64)
    alike = np.zeros((1, 1, 3), dtype=np.uint8)
    learnt = target(
        Samples(
            labels=one_each,
            classes=classes,
            draws=np.zeros(len(classes), dtype=np.uint64),
            pixels=lambda: (alike for _ in classes),
        )
    )
    if len(set(learnt.labels.tolist())) > 1:
        raise ConfigError(
            "this lock target gives images without a key a label that tells their true class, which is more than a "
            "tier's key releases; with tiers take new-class, constant, random-class, uniform or decoy-task"
        )
    return WithGroups(target=target, groups=group_names(tiers, classes))
