"""The right key among random ones with few queries: all keys on few images, the better half on twice as many, so on.

The p-value is exact as that of a plain rank is. The right key and the random ones are treated alike in every round, so
if the right one was drawn as they were and the suspect does not know it, all places are equally likely; equals always
count against it, which can only make p larger. What is drawn by chance are keys: images asked about under one key hang
together, since some keys are gentle, so ranks within single images would not add up to a valid p-value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from spellock.errors import ConfigError

#: The statistic tells nothing on one image.
_LEAST_IMAGES: Final = 2
#: (places of keys among all, how many of the first images) to a statistic for each of these keys.
Score = Callable[[Sequence[int], int], Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Round:
    """``keys`` are still in, and have been asked about ``images`` each when it ends."""

    keys: int
    images: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the right key came: ``better`` random keys did as well or better, after ``rounds`` with ``images``.

    Attributes:
        better: of all random keys; where the right key was left out, all that stayed in are among them.
        rounds: that it took part in.
        images: that it was asked about.
        statistic: of the right key, and ``others`` of the random keys, in the last of these rounds.
    """

    better: int
    rounds: int
    images: int
    statistic: float
    others: tuple[float, ...]


def plan_rounds(keys: int, *, queries: int, images: int) -> tuple[Round, ...]:
    """Rounds for ``keys`` random keys and the right one that take ``queries`` at most, ``images`` each at most.

    Half of the keys stay in, on twice as many images. Of all such plans the one whose last round has the most images,
    and of these the one that begins with most. Set aside is what raw images cost, as many as in the last round.

    Raises:
        ConfigError: there are too few queries for one round.
    """
    plans = [
        plan
        for first in range(_LEAST_IMAGES, images + 1)
        for count in range(1, keys.bit_length() + 1)
        if cost(plan := _rounds(keys + 1, first, count, images)) <= queries
    ]
    if not plans:
        least = cost(_rounds(keys + 1, _LEAST_IMAGES, 1, images))
        fewer = cost(_rounds(20, _LEAST_IMAGES, 1, images))
        raise ConfigError(
            f"{queries} queries are too few for {keys} random keys, expected {least} or more; raise the limit"
            + (f", or for weaker evidence take keys=19 and alpha=0.05, which need {fewer}" if keys > 19 else "")
        )
    return max(plans, key=lambda plan: (plan[-1].images, plan[0].images))


def cost(plan: Sequence[Round]) -> int:
    """Queries of a plan, raw images included."""
    before = [0, *(one.images for one in plan)]
    return sum(one.keys * (one.images - had) for one, had in zip(plan, before, strict=False)) + plan[-1].images


def knock_out(plan: Sequence[Round], score: Score) -> Place:
    """Play the rounds; the right key is number 0. It ends when the right key is out."""
    staying = list(range(plan[0].keys))
    for number, one in enumerate(plan, 1):
        right, *others = score(staying, one.images)
        ahead = sum(value >= right for value in others)
        room = plan[number].keys if number < len(plan) else 0
        if ahead >= room:  # out, or the last round
            return Place(better=ahead, rounds=number, images=one.images, statistic=right, others=tuple(others))
        best = sorted(range(len(others)), key=lambda place: -others[place])[: room - 1]
        staying = [0, *(staying[1 + place] for place in best)]
    raise AssertionError("the last round has room for none")  # pragma: no cover


def _rounds(keys: int, first: int, count: int, images: int) -> tuple[Round, ...]:
    return tuple(Round(keys=-(-keys // 2**number), images=min(images, first * 2**number)) for number in range(count))
