"""The rule for a checkpoint of a model with tiers: the mean of UP over all keys, minus a fiftieth of hardened LP.

Each key counts alike, so that a checkpoint that serves one of them and not another does not win. Hardened LP is that of
the real classes, as without tiers. Leaks between tiers play no part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from spellock.evaluation.real_view import real_view
from spellock.locking.locked_set import LockedSet
from spellock.recipes.held_out import Labels, Pairs, Pixels, stack
from spellock.recipes.selection import LP_WEIGHT, SCORE, LockScore, accuracy
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class TierScore:
    """Call it with a model for the figures of `LockScore`, ``up_NAME`` of each tier and ``score``.

    Attributes:
        pairs: held-out images raw and edited with the main key.
        tiers: by name the same images edited with the tier's key, uint8 (N, R, R, 3), and the numbers (N,) of their
            groups.
        classes: the model's classes.
        groups: numbers of those that are groups.
        lock_class: number of the lock class; None for a lock target without one.
    """

    pairs: Pairs
    tiers: Mapping[str, tuple[Pixels, Labels]]
    classes: Sequence[str]
    groups: Sequence[int]
    lock_class: int | None

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """All figures as shares in [0, 1]; ``score`` in [-0.02, 1]."""
        view = real_view(model, self.classes, self.groups, self.lock_class)
        places = {name: place for place, name in enumerate(view.classes)}
        labels = self.pairs.labels.copy()
        for number, name in enumerate(self.classes):
            labels[self.pairs.labels == number] = places.get(name, view.lock)
        main = LockScore(raw=self.pairs.raw, edited=self.pairs.edited, labels=labels, lock_class=view.lock)
        figures = main(view.model)
        ups = {
            f"up_{name}": accuracy(model, edited, own, label=f"validation, tier {name}")
            for name, (edited, own) in self.tiers.items()
        }
        mean = (figures["up"] + sum(ups.values())) / (1 + len(ups))
        return figures | ups | {SCORE: mean - LP_WEIGHT * figures["hardened_lp"]}


def tier_score(locked: LockedSet, pairs: Pairs) -> TierScore:
    """The rule on what was held out of a locked set with tiers."""
    held = {name: (stack(images), labels) for name, (images, labels) in locked.tier_validation().items()}
    return TierScore(
        pairs=pairs, tiers=held, classes=locked.classes, groups=locked.group_classes, lock_class=locked.lock_class
    )
