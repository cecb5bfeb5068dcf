"""A tensor with other values in the key's place, in pieces that stay in the processor's cache.

Locking and unlocking read each weight, hash it and write it; copies of whole tensors would cost more than the hash.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Protocol

import numpy as np
import torch
from torch import Tensor

from spellock.background_writer import AHEAD
from spellock.weightlocks.places import Place

_PIECE_BYTES: Final = 1 << 21
#: For how many further pieces a changed one stays as it is, for threads that hash or write it. New memory for each
#: would cost more than to fill it.
LASTING: Final = 2 * AHEAD


class Values(Protocol):
    """(k, unit) values of a key's place, which may be made only when they are asked for; a tensor is one.

    They are asked for in order, slice after slice without gaps: what is never there as a whole takes no memory.
    """

    def __getitem__(self, units: slice, /) -> Tensor:
        """(u, unit), of any floating dtype."""
        ...


def spliced(
    place: Place, tensor: Tensor, values: Values, *, empty: Callable[[Tensor], None] = lambda piece: None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of ``tensor`` in the order of its bytes, each as it is and with ``values`` in the key's place.

    Args:
        tensor: on the CPU and contiguous; it is not written to.
        values: of the key's place; they are cast to the tensor's dtype.
        empty: told each piece with zeros in the key's place, as `cleared` gives it.

    Yields:
        (u, unit) twice. The second is the first itself where no unit of the key lies, else a tensor that is written
        anew after `LASTING` further pieces: threads may read it so long.
    """
    buffers = _Buffers(LASTING + 1)
    for piece, where, units in _pieces(place, tensor):
        if where is None:
            empty(piece)
            yield piece, piece
        else:
            changed = buffers.copy(piece)
            empty(changed.index_fill_(0, where, 0))
            yield piece, changed.index_copy_(0, where, values[units].to(changed.dtype))


def cleared(place: Place, tensor: Tensor) -> Iterator[Tensor]:
    """The pieces of ``tensor`` with zeros in the key's place, each until the next is asked for; see `spliced`."""
    buffers = _Buffers(1)
    for piece, where, _ in _pieces(place, tensor):
        yield piece if where is None else buffers.copy(piece).index_fill_(0, where, 0)


class _Buffers:
    """Memory for copies of pieces, which is used again in turns. The first piece of a tensor is the largest."""

    def __init__(self, count: int) -> None:
        self._buffers: deque[Tensor] = deque(maxlen=count)

    def copy(self, piece: Tensor) -> Tensor:
        full = len(self._buffers) == self._buffers.maxlen
        buffer = self._buffers.popleft() if full else torch.empty_like(piece)
        self._buffers.append(buffer)
        return buffer[: len(piece)].copy_(piece)


def _pieces(place: Place, tensor: Tensor) -> Iterator[tuple[Tensor, Tensor | None, slice]]:
    """(u, unit) pieces, where in each the key's units lie (None: nowhere), and which units of the key these are."""
    flat = tensor.detach().reshape(-1, place.unit)
    step = max(1, _PIECE_BYTES // (place.unit * place.info.dtype.itemsize))
    bounds = np.searchsorted(place.indices, np.arange(0, len(flat) + step, step))
    for number, start in enumerate(range(0, len(flat), step)):
        units = slice(int(bounds[number]), int(bounds[number + 1]))
        inside = place.indices[units] - start
        yield flat[start : start + step], torch.from_numpy(inside) if len(inside) else None, units
