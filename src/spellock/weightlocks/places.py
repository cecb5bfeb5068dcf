"""Where a key lies in a model: per tensor, which units of it; and how that is written in few bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError
from spellock.weightlocks.states import TensorInfo

Indices = NDArray[np.int64]
_ESCAPE: Final = 255
_BITS: Final = 0
_BLOCK: Final = 16


@dataclass(frozen=True, kw_only=True, eq=False)
class Place:
    """The key's part of one tensor.

    Attributes:
        name: the tensor's.
        info: its dtype and shape.
        unit: scalars a unit: 1, or those of a slice along the first axis (a filter, a row).
        indices: int64 (k,), rising numbers of the units in the key, at least one.

    Raises:
        ConfigError: the units do not divide the tensor, or an index is not one of them.
    """

    name: str
    info: TensorInfo
    unit: int
    indices: Indices

    def __post_init__(self) -> None:
        count = self.info.scalars // self.unit if self.unit > 0 and self.info.scalars % max(self.unit, 1) == 0 else 0
        fits = (
            self.indices.ndim == 1
            and len(self.indices) > 0
            and bool((self.indices[1:] > self.indices[:-1]).all())
            and self.indices[0] >= 0
            and self.indices[-1] < count
        )
        if not fits:
            raise ConfigError(
                f"the key's units in {self.name} are not rising numbers of its {count} units of {self.unit} values; "
                "the key was made for another model or altered"
            )

    @property
    def scalars(self) -> int:
        """Values of the tensor that are in the key."""
        return self.unit * len(self.indices)

    @property
    def whole(self) -> bool:
        """Whether all of the tensor is in the key."""
        return self.scalars == self.info.scalars

    def take(self, tensor: Tensor) -> Tensor:
        """Copy (k, unit) of the key's values out of ``tensor``."""
        return self.at(self.indices, tensor)

    def at(self, units: Indices, tensor: Tensor) -> Tensor:
        """Copy (n, unit) of the values of ``units``, which need not be in the key, out of ``tensor``."""
        return tensor.detach().reshape(-1, self.unit).index_select(0, torch.from_numpy(units).to(tensor.device))

    def put(self, tensor: Tensor, values: Tensor) -> None:
        """Write ``values`` (k, unit) into ``tensor``, in place."""
        index = torch.from_numpy(self.indices).to(tensor.device)
        values = values.to(tensor.device)
        with torch.no_grad():
            if tensor.is_contiguous():
                tensor.view(-1, self.unit).index_copy_(0, index, values)
            else:
                copy = tensor.reshape(-1, self.unit).clone()
                tensor.copy_(copy.index_copy_(0, index, values).reshape(tensor.shape))

    def mask(self) -> Tensor:
        """bool, of the tensor's shape: True where the key lies."""
        flat = torch.zeros(max(self.info.scalars // self.unit, 1), self.unit, dtype=torch.bool)
        flat[torch.from_numpy(self.indices)] = True
        return flat.reshape(self.info.shape)


def whole_place(name: str, info: TensorInfo) -> Place:
    """All of a tensor."""
    return Place(name=name, info=info, unit=1, indices=np.arange(info.scalars, dtype=np.int64))


def merge(first: Place, second: Place) -> Place:
    """The units of both, of the same tensor."""
    if first.unit == second.unit:
        return Place(
            name=first.name, info=first.info, unit=first.unit, indices=np.union1d(first.indices, second.indices)
        )
    scalars = [(place.indices[:, None] * place.unit + np.arange(place.unit)).ravel() for place in (first, second)]
    return Place(name=first.name, info=first.info, unit=1, indices=np.union1d(*scalars))


def units_of(info: TensorInfo, granularity: str) -> int:
    """Scalars a unit of a tensor: those of a slice along its first axis ("unit"), the most up to 16 that divide such a
    slice ("block"), or 1 ("scalar")."""
    if granularity == "scalar" or not info.shape or info.scalars == 0:
        return 1
    row = info.scalars // info.shape[0]
    return row if granularity == "unit" else max(size for size in range(1, _BLOCK + 1) if row % size == 0)


def encode_indices(indices: Indices, *, bits: bool = True) -> bytes:
    """Rising numbers in few bytes, in the shorter of two ways.

    Steps of one byte each, where 255 adds 255 and goes on: 5 % of single weights take a byte each. Or a zero, with
    which no list of steps begins, and a bit a unit up to the last of the key: for keys of more than an eighth. Without
    ``bits`` always the first, as files were written once.
    """
    if bits and len(indices) and 1 + -(-(int(indices[-1]) + 1) // 8) < len(indices):
        taken = np.zeros(int(indices[-1]) + 1, dtype=np.uint8)
        taken[indices] = 1
        return bytes([_BITS]) + np.packbits(taken, bitorder="little").tobytes()
    steps = np.diff(indices, prepend=-1)
    lengths = steps // _ESCAPE + 1
    out = np.full(int(lengths.sum()), _ESCAPE, dtype=np.uint8)
    out[np.cumsum(lengths) - 1] = steps % _ESCAPE
    return out.tobytes()


def decode_indices(data: bytes) -> Indices:
    """The inverse of `encode_indices`.

    Raises:
        ConfigError: the bytes end within a step.
    """
    steps = np.frombuffer(data, dtype=np.uint8)
    if len(steps) and steps[0] == _BITS:
        return np.flatnonzero(np.unpackbits(steps[1:], bitorder="little"))
    if len(steps) and steps[-1] == _ESCAPE:
        raise ConfigError("the key's list of places ends within a number; the key was altered")
    return (np.cumsum(steps, dtype=np.int64) - 1)[steps < _ESCAPE]


def check_fits(places: Mapping[str, Place], infos: Mapping[str, TensorInfo], *, what: str) -> None:
    """Refuse a model that has not the tensors that the key has places in.

    Raises:
        ConfigError: a tensor is missing or has another shape or dtype; ``what`` names the model in the message.
    """
    for name, place in places.items():
        got = infos.get(name)
        if got != place.info:
            has = "has no such tensor" if got is None else f"has {tuple(got.shape)} {got.dtype}"
            raise ConfigError(
                f"the key is for another model: its tensor {name} is {tuple(place.info.shape)} {place.info.dtype}, "
                f"{what} {has}"
            )
