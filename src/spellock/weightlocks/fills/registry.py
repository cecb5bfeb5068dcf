"""Fills by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from spellock.keystream import Keystream
from spellock.named import Named
from spellock.weightlocks.places import Place
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

        Of large tensors, sums over the key's part are taken from those over all, in 64 bits, which needs no copy.
        """
        count = self.tensor.numel() - self.place.scalars
        if self.tensor.numel() <= _SUMMED:
            values = self.outside() if count > 1 else self.tensor.reshape(-1).float()
            return float(values.mean()), float(values.std()) if len(values) > 1 else 0.0
        total, squares = _sums(self.tensor.detach().reshape(-1).split(_PIECE))
        if count > 1:
            units = max(1, _PIECE // self.place.unit)
            starts = range(0, len(self.place.indices), units)
            key = _sums(self.place.at(self.place.indices[start : start + units], self.tensor) for start in starts)
            total, squares = total - key[0], squares - key[1]
        else:
            count = self.tensor.numel()
        mean = total / count
        return mean, math.sqrt(max(0.0, squares - count * mean * mean) / (count - 1))


def _sums(pieces: Iterable[Tensor]) -> tuple[float, float]:
    """Of all values, and of their squares."""
    total = squares = 0.0
    for piece in pieces:
        values = piece.reshape(-1).double()
        total += float(values.sum())
        squares += float(values.dot(values))
    return total, squares


class Fill(Protocol):
    """Gives the values of a hole."""

    def __call__(self, hole: Hole) -> Values:
        """(k, unit) values of any floating dtype; they are cast to the tensor's."""
        ...


_SUMMED: Final = 1 << 20  # values of a tensor that is no longer small
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
