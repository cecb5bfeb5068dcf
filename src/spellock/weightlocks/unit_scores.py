"""Scores of all units of some tensors, in parts where they are large, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from torch import Tensor

from spellock.keystream import HasSecret
from spellock.weightlocks.abreast import abreast
from spellock.weightlocks.kinds import kind_of
from spellock.weightlocks.scores import Score, Units
from spellock.weightlocks.states import State

_CHUNK: Final = 1 << 18  # scalars scored at once, few enough to stay in the processor's cache
_KEPT: Final = 1 << 22  # scores kept in memory
_TOGETHER: Final = 1 << 16  # of these, in one part
#: A tensor's name, and scores of its units or, where it is large, of the next of them.
UnitScores = tuple[str, Tensor]
Found = TypeVar("Found")


@dataclass(frozen=True, kw_only=True)
class _Values:
    """(U, unit) of one tensor, from its unit ``start`` on."""

    name: str
    start: int
    values: Tensor


class ScoredUnits:
    """Scores in the order of the tensors: from memory, or computed anew where they would take too much of it.

    Args:
        state: the model.
        names: tensors to be scored; those that the score gives None for are left out.
        sizes: scalars a unit, by name.
        score: gives each unit a number.
        key: what a score that needs chance draws from.
    """

    def __init__(self, state: State, names: list[str], sizes: Mapping[str, int], score: Score, key: HasSecret) -> None:
        self._state, self._names, self._sizes, self._score, self._key = state, names, sizes, score, key
        self.count = sum(state.infos[name].scalars // sizes[name] for name in names)
        self._kept: list[UnitScores] | None = None
        if self.is_kept:
            # In one block: small ones between the large ones that come and go would make the process's memory grow.
            kept: list[UnitScores] = []
            block, start, at = torch.empty(self.count), 0, 0
            for name, units in self._computed():
                block[at : at + len(units)].copy_(units)
                if kept and kept[-1][0] == name and at - start < _TOGETHER:
                    kept.pop()
                else:
                    start = at
                at += len(units)
                kept.append((name, block[start:at]))
            self._kept = kept

    @property
    def is_kept(self) -> bool:
        """Whether going through the scores again costs nothing."""
        return self.count <= _KEPT

    def __iter__(self) -> Iterator[UnitScores]:
        return self._computed() if self._kept is None else iter(self._kept)

    def sample(self, one_in: int) -> Iterator[UnitScores]:
        """Scores of the first of every ``one_in`` units of each part, at least of one."""
        return self._computed(one_in)

    def each(self, work: Callable[[Tensor], Found]) -> Iterator[tuple[str, Found]]:
        """``work`` of the scores of each part, computed anew in threads, in the order of the parts."""

        def worked(part: _Values) -> tuple[str, Found] | None:
            found = self._scores(part)
            return None if found is None else (part.name, work(found))

        return (found for found in abreast(worked, self._parts()) if found is not None)

    def _computed(self, one_in: int = 1) -> Iterator[UnitScores]:
        """Each tensor's scores, float32 (U,), in parts where it is large."""
        for part in self._parts(one_in):
            found = self._scores(part)
            if found is not None:
                yield part.name, found

    def _parts(self, one_in: int = 1) -> Iterator[_Values]:
        for name in self._names:
            unit = self._sizes[name]
            values, step = self._state[name].reshape(-1, unit), max(_CHUNK // unit, 1)
            for start in range(0, len(values), step):
                yield _Values(name=name, start=start, values=values[start : start + max(step // one_in, 1)])

    def _scores(self, part: _Values) -> Tensor | None:
        kind = kind_of(part.name, self._state.infos)
        return self._score(
            Units(name=part.name, kind=kind, values=part.values.float(), start=part.start, key=self._key)
        )
