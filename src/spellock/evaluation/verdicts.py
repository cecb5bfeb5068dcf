"""What each thief gets, in a sentence: the best of everything that its knowledge and its data allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.levels import LEVELS
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_plan import Amount
from spellock.evaluation.hardened import Best, Measured, best_of, highest
from spellock.evaluation.report_text import interval, percent

#: A lock holds against a thief whose figure is surely within this of chance, and is open to one who gets this share of
#: what the key is worth beyond chance.
NEAR_CHANCE: Final = 0.05
OPEN: Final = 0.8
#: The measure of one class an image, which sentences leave unnamed.
ACCURACY: Final = "accuracy"
_WORDS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
Halves = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """An attack that was run: what its thief held, and what its predictors got from each start."""

    level: str
    amount: Amount
    candidates: Mapping[str, Mapping[str, Measured]]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The best of what one thief can do, chosen on one half of the scored images and scored on the other.

    Attributes:
        level, amount: what the thief holds.
        locked: what it gets.
        public: the best of the same attacks from public weights, where they have such a control.
        name: of the attack.
    """

    level: str
    amount: Amount
    locked: Estimate
    name: str
    public: Estimate | None = None

    @property
    def thief(self) -> str:
        """The thief's belongings in words."""
        labels, leaked, asked = (_count(one) for one in (self.amount.labels, self.amount.leaked, self.amount.asked))
        return {
            "query": "with the model's answers only",
            "weights": "with the weights",
            "edited": f"with the weights and {leaked} edited {_plural('image', self.amount.leaked)}",
            "pairs": f"with the weights and {leaked} {_plural('image', self.amount.leaked)} both edited and raw",
            "labels": f"with the weights and {labels} labelled {_plural('image', self.amount.labels)}",
            "customer": f"with the weights and {asked} {_plural('answer', self.amount.asked)} of an unlocked model",
            "part": "with the weights and a part of the key"
            + (f", and {labels} labelled {_plural('image', self.amount.labels)}" if self.amount.labels else ""),
        }[self.level]

    def sentence(self, *, chance: float, up: float | None = None, measure: str = ACCURACY) -> str:
        """What this thief gets, and what that means; ``up`` is what the key gives, ``measure`` what is measured."""
        text = f"{self.thief[0].upper()}{self.thief[1:]}: "
        text += f"{'' if measure == ACCURACY else f'{measure} '}{percent(self.locked.value)}"
        spread = interval(self.locked)
        text += f" ({spread}), chance {percent(chance)}" if spread else f", chance {percent(chance)}"
        if self.public is not None:
            text += f", from public weights without any theft {percent(self.public.value)}"
        outcome = self.outcome(chance=chance, up=up)
        # Without an interval nothing is sure.
        return f"{text}. {MEANINGS[outcome] if spread else MEANINGS[outcome].replace('surely ', '')}"

    def outcome(self, *, chance: float, up: float | None = None) -> str:
        """A key of `MEANINGS`."""
        if self.locked.high <= chance + NEAR_CHANCE:
            return "holds"
        if self.public is not None and self.locked.value <= self.public.value:
            return "no gain"
        if self.public is not None and self.locked.low <= self.public.high:
            return "in doubt"
        return beyond(self.locked, floor=chance, top=up)


def beyond(figure: Estimate, *, floor: float, top: float | None) -> str:
    """``open``, ``leaks`` or ``unclear``: how far a figure is above ``floor``, on the way to ``top``."""
    if figure.low <= floor:
        return "unclear"
    if top is not None and top > floor and (figure.value - floor) / (top - floor) >= OPEN:
        return "open"
    return "leaks"


MEANINGS: Final = {
    "holds": "The lock holds: this is surely within 5 points of guessing.",
    "no gain": "The stolen weights are worth nothing to this thief: public ones do as well.",
    "in doubt": "Hardly more than public weights give: the difference is within the intervals.",
    "unclear": "Not told apart from guessing, but it may be more than 5 points: too few images to say.",
    "leaks": "The lock leaks to this thief: part of what the key is worth is had without it.",
    "open": "The lock is open to this thief: at least 80 % of what the key is worth is had without it.",
}


def verdicts(tried: Sequence[Tried], split: Halves, images: int) -> tuple[Verdict, ...]:
    """One verdict for each different thief among ``tried``, from weak to strong.

    A thief also does whatever weaker ones with no more data can do. Predictors that were tried on fewer than ``images``
    images compete among themselves; see `spellock.evaluation.hardened.highest`.
    """
    thieves = {(one.level, one.amount) for one in tried}
    order = list(LEVELS)
    ranked = sorted(thieves, key=lambda one: (order.index(one[0]), one[1].labels, one[1].leaked, one[1].asked))
    found = []
    for level, amount in ranked:
        pooled: dict[str, dict[str, Measured]] = {}
        for one in tried:
            if _within(one, level, amount):
                for start, candidates in one.candidates.items():
                    pooled.setdefault(start, {}).update(candidates)
        best = _best(pooled["locked"], split, images)
        public = _best(pooled["public"], split, images).honest if "public" in pooled else None
        found.append(Verdict(level=level, amount=amount, locked=best.honest, name=best.name, public=public))
    return tuple(found)


def _within(one: Tried, level: str, amount: Amount) -> bool:
    return (
        LEVELS[one.level] <= LEVELS[level]
        and one.amount.labels <= amount.labels
        and one.amount.leaked <= amount.leaked
        and one.amount.asked <= amount.asked
    )


def _best(candidates: Mapping[str, Measured], split: Halves, images: int) -> Best:
    whole = {name: one for name, one in candidates.items() if len(one.indices) == images}
    part = {name: one for name, one in candidates.items() if len(one.indices) < images}
    return highest(*(best_of(some, split) for some in (whole, part) if some))


def _count(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
