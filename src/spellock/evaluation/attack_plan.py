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
class Amount:
    """Labelled raw images, leaked edited images, and answers of an unlocked model that a thief has."""

    labels: int = 0
    leaked: int = 0
    asked: int = 0


@dataclass(frozen=True, kw_only=True)
class Trial:
    """An attack with named options.

    Attributes:
        labels, leaked, asked: amounts that it is tried with; None takes the plan's.
        black_box: for this attack the model only answers.
    """

    name: str
    variant: str
    attack: Attack
    labels: tuple[int, ...] | None = None
    leaked: tuple[int, ...] | None = None
    asked: tuple[int, ...] | None = None
    black_box: bool = False


@dataclass(frozen=True, kw_only=True)
class AttackPlan:
    """How much is tried.

    Attributes:
        labels: numbers of labelled raw images.
        leaked: numbers of leaked edited images, with or without their raw ones.
        asked: numbers of answers of an unlocked model.
        draws: times that labelled images are drawn anew; figures are then means over draws.
        candidate_images: scored images on which each of an attack's several predictors is tried.
        black_box: the model only answers; attacks that need more are skipped.
        mirrored: the locked model's own training mirrored images left-right, so that thieves who train do it too,
            unless an attack's ``flip`` says otherwise. Where left and right make classes, as of digits and signs, it
            would weaken the thief and flatter the lock.
        budget: of each attack.
        seed: of all that is drawn.

    Raises:
        ConfigError: a number is not positive.
    """

    labels: tuple[int, ...] = (10, 100, 500, 1000)
    leaked: tuple[int, ...] = (1, 10, 100)
    asked: tuple[int, ...] = (100, 1000)
    draws: int = 1
    candidate_images: int = 200
    black_box: bool = False
    mirrored: bool = False
    budget: Budget = field(default_factory=Budget)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("labels", "leaked", "asked", "draws", "candidate_images"):
            value = getattr(self, name)
            if wrong := [count for count in (value if isinstance(value, tuple) else (value,)) if count < 1]:
                raise ConfigError(f"got {wrong[0]} for {name}, expected 1 or more; leave it out for the usual")


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


def amounts_of(trial: Trial, plan: AttackPlan) -> list[Amount]:
    """Amounts of data that the attack is tried with, from few to many."""
    needs = trial.attack.needs
    if Asset.LABELS in needs:
        return [Amount(labels=count) for count in _sorted(trial.labels, plan.labels)]
    if Asset.CUSTOMER in needs:
        return [Amount(asked=count) for count in _sorted(trial.asked, plan.asked)]
    if needs & {Asset.EDITED, Asset.PAIRS}:
        return [Amount(leaked=count) for count in _sorted(trial.leaked, plan.leaked)]
    return [Amount()]


def most_of(chosen: Sequence[Trial], plan: AttackPlan) -> Amount:
    """The largest amounts of each kind that any of the attacks is tried with."""
    amounts = [Amount(), *(amount for trial in chosen for amount in amounts_of(trial, plan))]
    return Amount(
        labels=max(one.labels for one in amounts),
        leaked=max(one.leaked for one in amounts),
        asked=max(one.asked for one in amounts),
    )


def _sorted(own: tuple[int, ...] | None, plans: tuple[int, ...]) -> list[int]:
    return sorted({*(plans if own is None else own)})
