"""Successive halving over keys: many on few images, the best third on more, the last few in locks of their own.

After Jamieson and Talwalkar (2016), with a factor of 3. What a search costs is settled before it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from spellock.errors import ConfigError

T = TypeVar("T")
ETA: Final = 3
#: Pilots beside those of searched keys: of the best listed prompt, and of the chosen key and that prompt once more.
COMPARED: Final = 3


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a search may cost.

    Attributes:
        edits: edited images in all, those of the pilots included.
        pilots: short locked trainings in all, at least 4.

    Raises:
        ConfigError: there are too few pilots for one of a searched key, or no edits.
    """

    edits: int = 12_000
    pilots: int = 7

    def __post_init__(self) -> None:
        if self.pilots <= COMPARED:
            raise ConfigError(
                f"the budget has {self.pilots} pilots, expected at least {COMPARED + 1}: one of a searched key, one of "
                "the best listed prompt, and both once more on other images"
            )
        if self.edits < 1:
            raise ConfigError(f"the budget has {self.edits} edits, expected at least 1; 12000 is usual")


@dataclass(frozen=True, kw_only=True)
class Rung:
    """How many keys are scored on how many images; ``fresh`` of these no key of an earlier rung has edited."""

    searched: int
    listed: int
    images: int
    fresh: int

    @property
    def keys(self) -> int:
        return self.searched + self.listed


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search within its budget.

    Attributes:
        rungs: cheap scores, from many keys to few.
        near: near keys that each key of the last of them is told from.
        pilots: of searched keys; three more compare.
        pilot_edits: edits of one pilot.
    """

    rungs: tuple[Rung, ...]
    near: int
    pilots: int
    pilot_edits: int

    @property
    def score_edits(self) -> tuple[int, ...]:
        """Edits of each rung at the most."""
        last = self.rungs[-1]
        found = [rung.keys * rung.fresh for rung in self.rungs]
        found[-1] += last.keys * self.near * last.images
        return tuple(found)

    @property
    def trainings(self) -> int:
        """Pilots in all."""
        return self.pilots + COMPARED

    @property
    def edits(self) -> int:
        """Edits in all at the most."""
        return sum(self.score_edits) + self.trainings * self.pilot_edits

    def lines(self) -> list[str]:
        """What will be done, a line a rung; no part of a key."""
        found = [
            f"rung {number}: {rung.searched} searched keys and {rung.listed} listed prompts on {rung.images} images, "
            f"{edits} edits"
            for number, (rung, edits) in enumerate(zip(self.rungs, self.score_edits, strict=True), 1)
        ]
        found.append(
            f"pilots: {self.pilots} of searched keys, 1 of the best listed prompt, 2 to confirm on other images, "
            f"{self.pilot_edits} edits each"
        )
        return [*found, f"in all at most {self.edits} edits and {self.trainings} trainings"]


def make_plan(
    budget: Budget, *, listed: int, images: Sequence[int], fresh: Sequence[int], near: int, pilot_edits: int
) -> Plan:
    """The largest search that ``budget`` pays for.

    Args:
        budget: what it may cost.
        listed: listed prompts that are scored beside the searched keys, at least 1.
        images: of each rung.
        fresh: of these, new to a key that was in the rungs before.
        near: keys that each key of the last rung is told from.
        pilot_edits: edits of a pilot.

    Raises:
        ConfigError: the edits are too few for the least search, one pilot of a searched key; the message says how many
            it needs.
    """
    sizes = list(zip(images, fresh, strict=True))

    def sized(count: int) -> Plan:
        return _plan(count, budget.pilots, listed=listed, sizes=sizes, near=near, pilot_edits=pilot_edits)

    low = ETA ** len(sizes)  # so that every rung leaves some behind
    least = sized(low)
    if least.edits > budget.edits:
        raise ConfigError(
            f"the budget of {budget.edits} edits is too small for one pilot of a searched key and what it is compared "
            f"with, expected at least {least.edits}, of which {least.trainings * pilot_edits} are the pilots'"
        )
    # More keys never cost less, and each costs an edit at least: the largest number that is paid for, by halves.
    high = low + budget.edits
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if sized(middle).edits <= budget.edits else (low, middle - 1)
    return sized(low)


def promoted(keys: int) -> int:
    """How many of ``keys`` go on: a third, rounded up."""
    return -(-keys // ETA)


def best_third(items: Sequence[T], most: int, *, order: Callable[[T], tuple[float, ...]]) -> list[T]:
    """The best third of ``items``, ``most`` at the most, the best first; equals in the order they came in.

    Args:
        items: of one rung.
        most: how many can go on.
        order: smaller is better; see `goodness`.
    """
    return sorted(items, key=order)[: min(most, promoted(len(items)))]


def goodness(objective: float, rank: int | None) -> tuple[float, ...]:
    """What keys are ordered by, smaller is better: the objective in whole percent, then guessability, then the rest.

    Args:
        objective: worth, or UP - hardened LP, at most 1.
        rank: place in the lists that a thief tries, None where it is in none; later is better, in none best.
    """
    return (-round(objective, 2), float(rank is not None), -float(rank or 0), -objective)


def _plan(
    count: int, trainings: int, *, listed: int, sizes: Sequence[tuple[int, int]], near: int, pilot_edits: int
) -> Plan:
    rungs, searched = [], count
    for images, fresh in sizes:
        rungs.append(Rung(searched=searched, listed=listed, images=images, fresh=fresh))
        searched, listed = promoted(searched), promoted(listed)
    return Plan(rungs=tuple(rungs), near=near, pilots=min(searched, trainings - COMPARED), pilot_edits=pilot_edits)
