"""A tensor with other values in the key's place, in pieces that stay in the processor's cache.

Locking and unlocking read each weight, hash it and write it; copies of whole tensors would cost more than the hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from spellock.weightlocks.places import Place

_PIECE_BYTES: Final = 1 << 20


class Values(Protocol):
    """(k, unit) values of a key's place, which may be made only when they are asked for; a tensor is one.

    They are asked for in order, slice after slice without gaps: what is never there as a whole takes no memory.
    """

    def __getitem__(self, units: slice, /) -> Tensor:
        """(u, unit), of any floating dtype."""
        ...


def spliced(place: Place, tensor: Tensor, values: Values) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of ``tensor`` in the order of its bytes, each as it is and with ``values`` in the key's place.

    Args:
        tensor: on the CPU and contiguous; it is not written to.
        values: of the key's place; they are cast to the tensor's dtype.

    Yields:
        (u, unit) twice. The second is the first itself where no unit of the key lies, else a tensor of its own.
    """
    for piece, where, units in _pieces(place, tensor):
        if where is None:
            yield piece, piece
        else:
            changed = piece.clone()  # not one buffer for all: threads may still hash the piece before
            yield piece, changed.index_copy_(0, where, values[units].to(changed.dtype))


def cleared(place: Place, tensor: Tensor) -> Iterator[Tensor]:
    """The pieces of ``tensor`` with zeros in the key's place; see `spliced`."""
    for piece, where, _ in _pieces(place, tensor):
        yield piece if where is None else piece.clone().index_fill_(0, where, 0)


def _pieces(place: Place, tensor: Tensor) -> Iterator[tuple[Tensor, Tensor | None, slice]]:
    """(u, unit) pieces, where in each the key's units lie (None: nowhere), and which units of the key these are."""
    flat = tensor.detach().reshape(-1, place.unit)
    step = max(1, _PIECE_BYTES // (place.unit * place.info.dtype.itemsize))
    bounds = np.searchsorted(place.indices, np.arange(0, len(flat) + step, step))
    for number, start in enumerate(range(0, len(flat), step)):
        units = slice(int(bounds[number]), int(bounds[number + 1]))
        inside = place.indices[units] - start
        yield flat[start : start + step], torch.from_numpy(inside) if len(inside) else None, units
