"""Which attacks a report card tries, with which amounts of data: a table, no code of its own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from spellock.attacks.registry import attack_class, list_attacks, make_attack
from spellock.errors import ConfigError
from spellock.evaluation.attack_plan import AttackPlan, Trial
from spellock.hidden import Scalar


@dataclass(frozen=True, kw_only=True)
class Course:
    """One attack on the card.

    Attributes:
        attack: its name.
        options: named sets of options; None takes all of the attack's own variants.
        labels, leaked, asked: amounts; None takes the plan's.
        black_box: tried also by a thief who may only ask.
    """

    attack: str
    options: Mapping[str, Mapping[str, Scalar]] | None = None
    labels: tuple[int, ...] | None = None
    leaked: tuple[int, ...] | None = None
    asked: tuple[int, ...] | None = None
    black_box: bool = False


@dataclass(frozen=True, kw_only=True)
class CardPlan:
    """A report card's attacks.

    Attributes:
        courses: in the order of the table; None is every registered attack.
        labels, leaked, asked: amounts of data that curves are drawn over.
        unlabelled: raw images that every thief has.
        draws, candidate_images: see `AttackPlan`.
        wrong_keys, wrong_key_images: of the evaluation beside the attacks.
    """

    courses: tuple[Course, ...] | None
    labels: tuple[int, ...]
    leaked: tuple[int, ...]
    asked: tuple[int, ...]
    unlabelled: int = 1000
    draws: int = 1
    candidate_images: int = 200
    wrong_keys: int = 20
    wrong_key_images: int = 200

    def trials(self, images: int) -> tuple[Trial, ...]:
        """The attacks for a thief who has ``images`` raw images; larger amounts are left out, and where all are larger
        the attack is tried with what there is: no attack drops out without a word.

        Where a course says so, an attack comes first by who may only ask.
        """
        found = []
        for course in every_course() if self.courses is None else self.courses:
            variants = attack_class(course.attack).variants if course.options is None else course.options
            amounts = [
                tuple(one for one in (getattr(course, name) or getattr(self, name)) if one <= images) or (images,)
                for name in ("labels", "leaked", "asked")
            ]
            for variant, options in variants.items():
                attack = make_attack(course.attack, options)
                trial = Trial(
                    name=course.attack, variant=variant, attack=attack, labels=amounts[0], leaked=amounts[1],
                    asked=amounts[2],
                )  # fmt: skip
                found += [replace(trial, black_box=True)] if course.black_box and not variant else []
                found.append(trial)
        return tuple(found)

    def attack_plan(self, *, seed: int, mirrored: bool = False) -> AttackPlan:
        """How often each attack is drawn, and on how many images a guessed key is tried; ``mirrored`` as there."""
        return AttackPlan(draws=self.draws, candidate_images=self.candidate_images, seed=seed, mirrored=mirrored)


def every_course() -> tuple[Course, ...]:
    """Every registered attack in all its variants, readings also by who may only ask."""
    return tuple(Course(attack=name, black_box=name in _ASKING) for name in list_attacks())


_ASKING: Final = ("suppressed", "centred", "whitened")
_SHORT: Final[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType({"": MappingProxyType({"steps": 100})})
_SMALL: Final[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
    {"": MappingProxyType({"steps": 100, "batch_size": 32})}
)
_PLAIN: Final[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType({"": MappingProxyType({})})
#: Sized so that a network of CIFAR's size takes a quarter of an hour on two cores.
STANDARD: Final = CardPlan(
    courses=(
        Course(attack="suppressed", black_box=True),
        Course(attack="centred", black_box=True),
        Course(attack="whitened"),
        Course(attack="reversed", options=_PLAIN),
        Course(attack="tent"),
        Course(attack="shot-im", options={"": {"epochs": 3}}),
        Course(attack="random-prompts", options={"": {"count": 2}}),
        Course(attack="prompt-search", options=_PLAIN),
        Course(attack="trigger-inversion", options=_SHORT),
        Course(attack="input-adapter", options=_SHORT),
        Course(attack="jailntl", options=_SMALL),
        Course(attack="colour-transfer", leaked=(10, 100)),
        Course(attack="spectrum-transfer", leaked=(10, 100)),
        Course(attack="weave-reading", leaked=(1, 10, 100)),
        Course(attack="translator", options={"": {"steps": 300}}),
        Course(attack="disguise", options={"": {"steps": 200}}, leaked=(10, 100)),
        Course(attack="public-fill", options=_PLAIN),
        Course(attack="parameter-search"),
        Course(attack="knockoff", options=_SMALL),
        Course(attack="permuted", options=_PLAIN, labels=(100, 1000)),
        Course(attack="prototypes", labels=(10, 100)),
        Course(attack="ridge"),
        Course(attack="mlp", labels=(100, 1000)),
        Course(attack="finetune", options=_SMALL, labels=(100, 1000)),
    ),
    labels=(10, 30, 100, 300, 1000),
    leaked=(1, 10, 100),
    asked=(100, 1000),
)  # fmt: skip
#: Everything that is registered, in all its variants; hours.
FULL: Final = CardPlan(
    courses=None,
    labels=(10, 20, 50, 100, 200, 500, 1000, 5000),
    leaked=(1, 3, 10, 30, 100, 1000),
    asked=(10, 100, 1000, 5000),
    unlabelled=5000,
    draws=10,
    candidate_images=500,
    wrong_keys=40,
)


PLANS: Final[Mapping[str, CardPlan]] = MappingProxyType({"standard": STANDARD, "full": FULL})


def card_plan(name: str) -> CardPlan:
    """The plan called ``standard`` or ``full``.

    Raises:
        ConfigError: there is no such plan.
    """
    if name not in PLANS:
        near = difflib.get_close_matches(name, PLANS, cutoff=0.4) or PLANS
        raise ConfigError(f"there is no report card {name!r}; did you mean {' or '.join(near)}?")
    return PLANS[name]
