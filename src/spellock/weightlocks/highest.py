"""The units with the highest scores that a budget holds, exactly, also where their scores do not fit into memory.

The search asks three times for all scores. Where those would be computed anew each time, a sample says first about how
high the chosen ones are; those that may be chosen are few enough to be kept, and the search is among them alone. It
finds the same: a guess that was too high shows, for then the budget holds all that was kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby, tee
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.weightlocks.places import Indices
from spellock.weightlocks.threshold import Scored, choose, find_threshold
from spellock.weightlocks.unit_scores import ScoredUnits

_SAMPLED: Final = 1 << 18  # scores that tell enough of all
#: How many times the budget is kept, by the sample.
_SLACK: Final = 1.25
#: The largest share of all units that is worth being kept.
_WORTH: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Scores of units of one tensor: of all from ``start`` on, or of those with ``numbers``, counted from there."""

    name: str
    start: int
    scores: Tensor
    numbers: NDArray[np.int32] | None = None

    def units(self, places: Indices) -> NDArray[np.int32]:
        """The numbers, counted from ``start``, of what is at ``places`` of ``scores``."""
        return places.astype(np.int32) if self.numbers is None else self.numbers[places]


def highest(scored: ScoredUnits, costs: Mapping[str, int], budget: int) -> dict[str, Indices]:
    """Rising numbers of the units that are taken, best first while the budget holds them; of equal ones the first.

    Args:
        costs: what a unit takes of the budget, by tensor.
        budget: sum of the costs that may be taken.

    Returns:
        int64 (k,) by the name of each tensor that was scored; k may be 0.
    """
    shortlist = None if scored.is_kept else _shortlist(scored, costs, budget)
    parts: Callable[[], Iterator[_Part]] = partial(_every, scored) if shortlist is None else shortlist.parts

    def costed(parts: Iterator[_Part]) -> Iterator[Scored]:
        return ((part.scores, costs[part.name]) for part in parts)

    threshold = find_threshold(lambda: costed(parts()), budget)
    # Both from one iterator, in step: where scores are computed anew, twice would cost as much again.
    left, right = tee(parts())
    chosen = zip(choose(costed(left), threshold), right, strict=True)
    return {name: _joined(found) for name, found in groupby(chosen, key=lambda pair: pair[1].name)}


def _joined(chosen: Iterator[tuple[Indices, _Part]]) -> Indices:
    """The units of one tensor's parts. They wait in half the memory of the result."""
    found = [(part.units(places), part.start) for places, part in chosen]
    joined, at = np.empty(sum(len(units) for units, _ in found), dtype=np.int64), 0
    for units, start in found:
        np.add(units, start, out=joined[at : at + len(units)])
        at += len(units)
    return joined


def _every(scored: ScoredUnits) -> Iterator[_Part]:
    at: dict[str, int] = {}
    for name, scores in scored:
        start = at.get(name, 0)
        yield _Part(name=name, start=start, scores=scores)
        at[name] = start + len(scores)


@dataclass(frozen=True, kw_only=True)
class _Above:
    """The units of a part of ``among`` units with at least some score, and their scores."""

    among: int
    numbers: NDArray[np.int64]
    scores: Tensor


def _above(least: float, scores: Tensor) -> _Above:
    numbers = np.flatnonzero(scores.numpy() >= least)
    return _Above(among=len(scores), numbers=numbers, scores=scores.index_select(0, torch.from_numpy(numbers)))


class _Shortlist:
    """Units that may be taken, in two arrays: many small ones between the large ones that come and go would tear the
    memory to pieces."""

    def __init__(self, most: int) -> None:
        self._numbers, self._scores = np.empty(most, dtype=np.int32), torch.empty(most)
        self._bounds: list[tuple[str, int, int, int]] = []
        self.count = 0

    def add(self, name: str, start: int, found: _Above) -> bool:
        """Take what was found in the part of a tensor that begins at ``start``; False where it does not fit."""
        first, last = self.count, self.count + len(found.numbers)
        if last > len(self._numbers):
            return False
        self._numbers[first:last] = found.numbers
        self._scores[first:last] = found.scores
        self._bounds.append((name, start, first, last))
        self.count = last
        return True

    def parts(self) -> Iterator[_Part]:
        """The parts that were added, with what was taken of them."""
        for name, start, first, last in self._bounds:
            yield _Part(name=name, start=start, scores=self._scores[first:last], numbers=self._numbers[first:last])


def _shortlist(scored: ScoredUnits, costs: Mapping[str, int], budget: int) -> _Shortlist | None:
    """More units than the budget holds, the best; None where they are too many or the guess was bad."""
    sample = [(scores.numpy().copy(), costs[name]) for name, scores in scored.sample(max(1, scored.count // _SAMPLED))]
    if not sample:
        return None
    scores = np.concatenate([found for found, _ in sample])
    ranked = np.argsort(-scores, kind="stable")  # NaN comes last
    cost = np.cumsum(np.concatenate([np.full(len(found), cost) for found, cost in sample])[ranked])
    wanted = budget * _SLACK * len(scores) / scored.count
    if not cost[-1] * _WORTH > wanted:
        return None
    place = int(np.searchsorted(cost, wanted))
    found = _Shortlist(int(_SLACK * (place + 1) / len(scores) * scored.count))
    total = 0
    start: dict[str, int] = {}
    for name, above in scored.each(partial(_above, float(scores[ranked[place]]))):
        if not found.add(name, start.get(name, 0), above):
            return None
        start[name] = start.get(name, 0) + above.among
        total += len(above.numbers) * costs[name]
    return found if total > budget else None
