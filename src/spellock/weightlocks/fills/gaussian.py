"""Noise like the layer's other weights: the place is not marked by its values, though large units may be missed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spellock.keystream import Keystream
from spellock.weightlocks.fills.registry import Hole, register_fill
from spellock.weightlocks.splice import Values

_DRAWN: Final = 1 << 16  # numbers drawn at once: they stay in the processor's cache, and other threads get their turn
_PARTS: Final = 1 << 16


@register_fill("gaussian")
def gaussian(hole: Hole) -> Values:
    """Normal with mean and standard deviation of the tensor's values outside the key; of all where all are in it."""
    mean, spread = hole.mean_and_spread()
    return _Drawn(stream=hole.stream, unit=hole.place.unit, mean=mean, spread=spread)


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """Numbers that are drawn when they are asked for, which has to be in order."""

    stream: Keystream
    unit: int
    mean: float
    spread: float

    def __getitem__(self, units: slice) -> Tensor:
        count = (units.stop - units.start) * self.unit
        drawn = torch.empty(count)
        for start in range(0, count, _DRAWN):
            piece = drawn[start : start + _DRAWN]
            torch.add(_normal(self.stream, len(piece)).mul_(self.spread), self.mean, out=piece)
        return drawn.reshape(-1, self.unit)


def _normal(stream: Keystream, count: int) -> Tensor:
    """float32 (count,): Gaussian numbers in bulk, by a table; those of `Keystream.normal` are exact.

    The upper half of a 32-bit word says between which two of 2**16 quantiles a number lies, the lower half where.
    Between quantiles they are uniform, which no test tells from Gaussian; in the two outer parts they are exact.
    """
    words = torch.from_numpy(stream.bytes(4 * count).copy()).view(torch.int32)
    parts = (words >> 16).add_(_PARTS // 2)
    drawn = (words & (_PARTS - 1)).float().add_(0.5).div_(_PARTS)
    # Not fused into one operation, which processors round differently.
    found = _STEPS.index_select(0, parts).mul_(drawn).add_(_LOWER.index_select(0, parts))
    if found.sum().isnan():
        outer = found.isnan().nonzero().squeeze(1)
        found[outer] = torch.special.ndtri((parts[outer].double() + drawn[outer].double()) / _PARTS).float()
    return found


_QUANTILES: Final = torch.special.ndtri(torch.arange(1, _PARTS, dtype=torch.float64) / _PARTS)
#: Lower bound and width of each part; the outer two have none, and what is drawn there is computed.
_LOWER: Final = torch.nn.functional.pad(_QUANTILES, (1, 0), value=torch.nan).float()
_STEPS: Final = torch.nn.functional.pad(_QUANTILES.diff(), (1, 1), value=torch.nan).float()
