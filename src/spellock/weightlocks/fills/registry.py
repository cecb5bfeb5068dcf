"""Fills by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.keystream import Keystream
from spellock.named import Named
from spellock.weightlocks.places import Indices, Place
from spellock.weightlocks.splice import Values


@dataclass(frozen=True, kw_only=True)
class Hole:
    """The key's place in one tensor, to be filled.

    Attributes:
        place: which units.
        tensor: the whole tensor with its true values, on the CPU; not to be written to.
        stream: random numbers from the key's secret, for this tensor and this customer alone.
        public: the tensor of the same name in the public pretrained model; None where there is none of its shape.
    """

    place: Place
    tensor: Tensor
    stream: Keystream
    public: Tensor | None = None

    def outside(self) -> Tensor:
        """float32 (n,): the tensor's values that are not in the key."""
        rows = self.tensor.detach().reshape(-1, self.place.unit)
        others = np.ones(len(rows), dtype=bool)
        others[self.place.indices] = False
        if self.place.unit > 1:
            return rows.index_select(0, torch.from_numpy(np.flatnonzero(others))).reshape(-1).float()
        # As whole numbers of their width, for NumPy has no bfloat16; PyTorch would make a list of eight bytes a value.
        bits = rows.reshape(-1).view(_WHOLE[rows.dtype.itemsize])
        return torch.from_numpy(bits.numpy()[others]).view(rows.dtype).float()

    def mean_and_spread(self) -> tuple[float, float]:
        """Mean and standard deviation of `outside`, or of the whole tensor where all of it is in the key.

        Of large tensors they are estimated from about half a million values in pieces all over it, which tells them to
        a thousandth: noise drawn with them does not look different.
        """
        place, flat = self.place, self.tensor.detach().reshape(-1, self.place.unit)
        outside = self.tensor.numel() - place.scalars
        if self.tensor.numel() <= _SUMMED:
            values = self.outside() if outside > 1 else flat.float()
            return float(values.mean()), float(values.std()) if values.numel() > 1 else 0.0
        key = place.indices if outside > 1 else place.indices[:0]
        step = max(1, _PIECE // place.unit)
        starts = np.arange(0, len(flat), step)
        for every in (max(1, outside // _SAMPLED), 1):  # all, where the key takes nearly all of what was looked at
            count, total, squares = _sums(flat, key, starts[::every], step)
            if count >= min(_SAMPLED // 4, outside):
                break
        mean = total / count
        return mean, math.sqrt(max(0.0, squares - count * mean * mean) / (count - 1))


def _sums(flat: Tensor, key: Indices, starts: NDArray[np.int64], step: int) -> tuple[int, float, float]:
    """How many values outside the key lie in the pieces of ``step`` units from ``starts`` on, their sum, and that of
    their squares, in 64 bits: those over all less those over the key's, which needs no copy."""
    first, last = np.searchsorted(key, starts), np.searchsorted(key, starts + step)
    count, total, squares = 0, 0.0, 0.0
    wide = torch.empty(step * flat.shape[1], dtype=torch.float64)
    for start, low, high in zip(starts.tolist(), first.tolist(), last.tolist(), strict=True):
        for sign, piece in (
            (1, flat[start : start + step]), (-1, flat.index_select(0, torch.from_numpy(key[low:high])))
        ):  # fmt: skip
            values = wide[: piece.numel()].copy_(piece.reshape(-1))  # new memory for each would cost as much again
            count += sign * len(values)
            total += sign * float(values.sum())
            squares += sign * float(values.dot(values))
    return count, total, squares


class Fill(Protocol):
    """Gives the values of a hole."""

    def __call__(self, hole: Hole) -> Values:
        """(k, unit) values of any floating dtype; they are cast to the tensor's."""
        ...


_SUMMED: Final = 1 << 20  # values of a tensor that is no longer small
_SAMPLED: Final = 1 << 19  # values outside the key that tell enough of a large one
_PIECE: Final = 1 << 16  # values summed up at once, few enough to stay in the processor's cache
_WHOLE: Final = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
F = TypeVar("F", bound=Fill)
_FILLS: Named[Fill] = Named("fill")


def register_fill(name: str) -> Callable[[F], F]:
    """Decorator: make a fill known as ``name``.

    Raises:
        ConfigError: the name is taken.
    """
    return _FILLS.register(name)


def list_fills(pattern: str = "*") -> list[str]:
    """Names of the fills that match the shell-style ``pattern``, sorted."""
    return _FILLS.names(pattern)


def make_fill(name: str) -> Fill:
    """The fill called ``name``.

    Raises:
        ConfigError: there is none; near matches are listed.
    """
    return _FILLS[name]
