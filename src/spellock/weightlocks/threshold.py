"""The highest scores among hundreds of millions, exactly, without keeping them: a radix search over their bits.

Floating-point numbers sort like whole numbers once their bits are turned round for negative ones. Two passes over the
scores, counting 2**16 bins each, find the score at which the budget ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_HALF: Final = 16
_BINS: Final = 1 << _HALF
#: Scores of a tensor, or of a part of it, and how much of the budget each of its units takes.
Scored = tuple[Tensor, int]


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """Where the budget ends.

    Attributes:
        bits: units above it are chosen.
        room: what is left of the budget for units exactly at it, taken in order while they fit.
    """

    bits: int
    room: int


def sortable(scores: Tensor) -> NDArray[np.uint32]:
    """uint32 (U,) of float32 (U,): numbers in the same order; both zeros are equal and NaN is the lowest of all."""
    values = scores.nan_to_num(nan=-torch.inf, posinf=torch.inf, neginf=-torch.inf).add_(0.0)
    signed: NDArray[np.int32] = values.contiguous().numpy().view(np.int32)
    signed ^= (signed >> 31) | np.int32(-(2**31))
    return signed.view(np.uint32)


def find_threshold(parts: Callable[[], Iterator[Scored]], budget: int) -> Threshold:
    """The threshold that lets as much pass as ``budget`` holds, best first.

    Args:
        parts: gives all scores, float32 (U,), each with its units' cost; asked twice.
        budget: sum of the costs that may be chosen.
    """
    upper = _search(((sortable(scores) >> np.uint32(_HALF), cost) for scores, cost in parts()), budget)
    inside = (
        (bits[(bits >> np.uint32(_HALF)) == upper.bits] & np.uint32(_BINS - 1), cost)
        for bits, cost in ((sortable(scores), cost) for scores, cost in parts())
    )
    lower = _search(inside, upper.room)
    return Threshold(bits=(upper.bits << _HALF) | lower.bits, room=lower.room)


def choose(parts: Iterator[Scored], threshold: Threshold) -> Iterator[NDArray[np.int64]]:
    """int64 (k,) for each part: which of its units are chosen, in rising order."""
    room = threshold.room
    for scores, cost in parts:
        bits = sortable(scores)
        chosen = bits > threshold.bits
        ties = np.flatnonzero(bits == threshold.bits)[: room // cost]
        chosen[ties] = True
        room -= cost * len(ties)
        yield np.flatnonzero(chosen).astype(np.int64)


def _search(parts: Iterator[tuple[NDArray[np.uint32], int]], budget: int) -> Threshold:
    """The bin in which the budget ends, counted from the highest, and what is left of it there."""
    totals = np.zeros(_BINS, dtype=np.int64)
    for bins, cost in _gathered(parts):
        totals += np.bincount(bins, minlength=_BINS) * cost
    above = np.cumsum(totals[::-1])[::-1] - totals  # what all higher bins cost
    fitting = np.flatnonzero(above + totals > budget)
    last = int(fitting[-1]) if len(fitting) else 0
    return Threshold(bits=last, room=max(budget - int(above[last]), 0))


def _gathered(parts: Iterator[tuple[NDArray[np.uint32], int]]) -> Iterator[tuple[NDArray[np.uint32], int]]:
    """The same in fewer and larger parts: going through all bins takes as long for a hundred scores as for many."""
    waiting: list[NDArray[np.uint32]] = []
    cost, count = 0, 0
    for bins, one in parts:
        if waiting and (one != cost or count > _BINS):
            yield np.concatenate(waiting), cost
            waiting, count = [], 0
        waiting.append(bins)
        cost, count = one, count + len(bins)
    if waiting:
        yield np.concatenate(waiting), cost
