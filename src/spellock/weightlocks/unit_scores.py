"""Scores of all units of some tensors, in parts where they are large, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import torch
from torch import Tensor

from spellock.keystream import HasSecret
from spellock.weightlocks.kinds import kind_of
from spellock.weightlocks.scores import Score, Units
from spellock.weightlocks.states import State

_CHUNK: Final = 1 << 18  # scalars scored at once, few enough to stay in the processor's cache
_KEPT: Final = 1 << 22  # scores kept in memory
_TOGETHER: Final = 1 << 16  # of these, in one part
#: A tensor's name, and scores of its units or, where it is large, of the next of them.
UnitScores = tuple[str, Tensor]


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

    def _computed(self, one_in: int = 1) -> Iterator[UnitScores]:
        """Each tensor's scores, float32 (U,), in parts where it is large."""
        infos = self._state.infos
        for name in self._names:
            unit = self._sizes[name]
            values, step = self._state[name].reshape(-1, unit), max(_CHUNK // unit, 1)
            kind = kind_of(name, infos)
            for start in range(0, len(values), step):
                part = values[start : start + max(step // one_in, 1)]
                units = Units(name=name, kind=kind, values=part.float(), start=start, key=self._key)
                found = self._score(units)
                if found is not None:
                    yield name, found
