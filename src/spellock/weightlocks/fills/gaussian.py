"""Noise like the layer's other weights: the place is not marked by its values, though large units may be missed."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.keystream import SPARE, Keystream
from spellock.weightlocks.fills.registry import Hole, register_fill
from spellock.weightlocks.splice import Values

_DRAWN: Final = 1 << 15  # numbers drawn at once: they stay in the processor's cache
_PARTS: Final = 1 << 16


@register_fill("gaussian")
def gaussian(hole: Hole) -> Values:
    """Normal with mean and standard deviation of the tensor's values outside the key; of all where all are in it."""
    mean, spread = hole.mean_and_spread()
    return _Drawn(hole, mean=mean, spread=spread)


class _Drawn:
    """Numbers that are drawn when they are asked for, which has to be in order; each lot lasts until the next."""

    def __init__(self, hole: Hole, *, mean: float, spread: float) -> None:
        self._normal = _Normal(hole.stream, most=min(_DRAWN, hole.place.scalars))
        self._unit, self._mean, self._spread = hole.place.unit, mean, spread
        self._lot, self._mask = np.empty(0, dtype=np.float32), np.empty(0, dtype=np.bool_)

    def __getitem__(self, units: slice) -> Tensor:
        count = (units.stop - units.start) * self._unit
        if len(self._lot) < count:
            self._lot, self._mask = np.empty(count, dtype=np.float32), np.empty(count, dtype=np.bool_)
        drawn, lot = torch.from_numpy(self._lot[:count]), self._lot[:count]
        for start in range(0, count, _DRAWN):
            self._normal.draw(drawn[start : start + _DRAWN])
        # Few are in the outer parts: to look for them in each small lot would take as long as to draw it.
        outer = np.flatnonzero(np.greater(lot, _MARK, out=self._mask[:count]))
        lot[outer] = _outer(lot[outer])
        return drawn.mul_(self._spread).add_(self._mean).reshape(-1, self._unit)


class _Normal:
    """Gaussian numbers in bulk, by a table; those of `Keystream.normal` are exact.

    The upper half of a 32-bit word says between which two of 2**16 quantiles a number lies, the lower half where.
    Between quantiles they are uniform, which no test tells from Gaussian. Those of the two outer parts are marked, see
    `_outer`.
    """

    def __init__(self, stream: Keystream, *, most: int) -> None:
        self._stream = stream
        # Memory for each step, used again: new memory would cost as much as the numbers.
        self._bytes = np.empty(4 * most + SPARE, dtype=np.uint8)
        self._words = torch.from_numpy(self._bytes[: 4 * most]).view(torch.int32)
        self._whole = torch.empty(2, most, dtype=torch.int32)
        self._steps = torch.empty(2, most)

    def draw(self, out: Tensor) -> None:
        """Fill ``out``, float32 (n,), contiguous, with n at most ``most``."""
        count = len(out)
        self._stream.into(self._bytes, 4 * count)
        words, (parts, lower), (within, steps) = (
            self._words[:count], self._whole[:, :count].unbind(), self._steps[:, :count].unbind()
        )  # fmt: skip
        torch.bitwise_right_shift(words, 16, out=parts).add_(_PARTS // 2)
        within.copy_(torch.bitwise_and(words, _PARTS - 1, out=lower)).add_(0.5)
        torch.index_select(_STEPS, 0, parts, out=steps)
        torch.index_select(_LOWER, 0, parts, out=out)
        out.add_(steps.mul_(within))  # not fused into one operation, which processors round differently


def _outer(marked: NDArray[np.float32]) -> NDArray[np.float32]:
    """The exact numbers, float32 (n,), for marked ones: those of the first part are `_MARK` plus where they lie in it,
    in 2**-16 of it, those of the last part twice `_MARK` more. Numbers so small that 32 bits hold them exactly."""
    last = marked > 2 * _MARK
    within = (marked - np.where(last, np.float32(3 * _MARK), np.float32(_MARK))).astype(np.float64)
    quantiles = (np.where(last, _PARTS - 1, 0) + within / _PARTS) / _PARTS
    exact: NDArray[np.float32] = torch.special.ndtri(torch.from_numpy(quantiles)).float().numpy()
    return exact


def _with_outer(inner: Tensor, first: float, last: float) -> Tensor:
    return torch.cat([torch.tensor([first]), inner.float(), torch.tensor([last])])


_MARK: Final = float(_PARTS)  # above all that is drawn, and above what lies within a part
_QUANTILES: Final = torch.special.ndtri(torch.arange(1, _PARTS, dtype=torch.float64) / _PARTS)
#: Lower bound of each part, and its width in 2**-16; the outer two have none, and what is drawn there is marked.
_LOWER: Final = _with_outer(_QUANTILES[:-1], _MARK, 3 * _MARK)
_STEPS: Final = _with_outer(_QUANTILES.diff() / _PARTS, 1.0, 1.0)
