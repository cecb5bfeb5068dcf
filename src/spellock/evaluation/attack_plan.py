"""Which attacks are tried, and how much each gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spellock.attacks.base import Attack
from spellock.attacks.budget import Budget
from spellock.attacks.levels import Asset
from spellock.attacks.registry import attack_class, list_attacks, make_attack
from spellock.errors import ConfigError
from spellock.hidden import Scalar


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An attack with named options."""

    name: str
    variant: str
    attack: Attack


@dataclass(frozen=True, kw_only=True)
class AttackPlan:
    """How much is tried.

    Attributes:
        labels: numbers of labelled raw images.
        leaked: numbers of leaked edited images, with or without their raw ones.
        draws: times that labelled images are drawn anew; figures are then means over draws.
        candidate_images: scored images on which each of an attack's several predictors is tried.
        black_box: the model only answers; attacks that need more are skipped.
        budget: of each attack.
        seed: of all that is drawn.

    Raises:
        ConfigError: a number is not positive.
    """

    labels: tuple[int, ...] = (10, 100, 500, 1000)
    leaked: tuple[int, ...] = (1, 10, 100)
    draws: int = 1
    candidate_images: int = 200
    black_box: bool = False
    budget: Budget = field(default_factory=Budget)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(*self.labels, *self.leaked, self.draws, self.candidate_images, 1) < 1:
            raise ConfigError("got a number of labels, leaked images, draws or candidate images below 1")


def trials(names: Sequence[str], options: Mapping[str, Scalar] | None = None) -> tuple[Trial, ...]:
    """Attacks by name, each in all its variants, or with ``options`` alone; ``all`` is every attack.

    Raises:
        ConfigError: there is no such attack, or it does not know an option.
    """
    chosen = list_attacks() if "all" in names else list(dict.fromkeys(names))
    found = []
    for name in chosen:
        variants = {"as set": options} if options else attack_class(name).variants
        found += [
            Trial(name=name, variant=variant, attack=make_attack(name, values)) for variant, values in variants.items()
        ]
    return tuple(found)


def amounts_of(attack: Attack, plan: AttackPlan) -> list[tuple[int, int]]:
    """Amounts of labels and of leaked images that the attack is tried with."""
    if Asset.LABELS in attack.needs:
        return [(count, 0) for count in plan.labels]
    if attack.needs & {Asset.EDITED, Asset.PAIRS}:
        return [(0, count) for count in plan.leaked]
    return [(0, 0)]
