"""Scores of all units of some tensors, in parts where they are large, as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

import torch

from spellock.keystream import HasSecret
from spellock.weightlocks.kinds import kind_of
from spellock.weightlocks.scores import Score, Units
from spellock.weightlocks.states import State

_CHUNK: Final = 1 << 18  # scalars scored at once, few enough to stay in the processor's cache
_KEPT: Final = 1 << 22  # scores kept in memory
#: A tensor's name, and scores of its units or of some of them.
UnitScores = tuple[str, torch.Tensor]


def scores_of(
    state: State, names: list[str], sizes: Mapping[str, int], score: Score, key: HasSecret
) -> Callable[[], Iterable[UnitScores]]:
    """Gives the scores as often as it is asked: from memory, or computed anew where they would take too much of it."""
    total = sum(state.infos[name].scalars // sizes[name] for name in names)
    if total <= _KEPT:
        # In one block: small ones between the large ones that come and go would make the process's memory grow.
        block, kept, at = torch.empty(total), [], 0
        for name, units in _scores(state, names, sizes, score, key):
            kept.append((name, block[at : at + len(units)].copy_(units)))
            at += len(units)
        return lambda: kept
    return lambda: _scores(state, names, sizes, score, key)


def _scores(
    state: State, names: list[str], sizes: Mapping[str, int], score: Score, key: HasSecret
) -> Iterator[UnitScores]:
    """Each tensor's scores, float32 (U,), in parts where it is large."""
    infos = state.infos
    for name in names:
        unit = sizes[name]
        values, step = state[name].reshape(-1, unit), max(_CHUNK // unit, 1)
        kind = kind_of(name, infos)
        for start in range(0, len(values), step):
            found = score(
                Units(name=name, kind=kind, values=values[start : start + step].float(), start=start, key=key)
            )
            if found is not None:
                yield name, found
