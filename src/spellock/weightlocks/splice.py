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
from spellock.weightlocks.hashing import SMALL
from spellock.weightlocks.places import Place

_PIECE_BYTES: Final = 1 << 21
#: For how many further large pieces a changed one stays as it is, for threads that hash or write it.
LASTING: Final = 2 * AHEAD


class Values(Protocol):
    """(k, unit) values of a key's place, which may be made only when they are asked for; a tensor is one.

    They are asked for in order, slice after slice without gaps: what is never there as a whole takes no memory.
    """

    def __getitem__(self, units: slice, /) -> Tensor:
        """(u, unit), of any floating dtype."""
        ...


class Buffers:
    """Memory for copies of large pieces, used again in turns: new memory for each would cost more than to fill it.

    One may serve all tensors that are read one after the other.
    """

    def __init__(self, count: int) -> None:
        self._buffers: deque[Tensor] = deque(maxlen=count)

    def copy(self, piece: Tensor) -> Tensor:
        """A copy that is written anew after as many further large ones as there are buffers."""
        if piece.nbytes < SMALL:  # other threads are not told of small tensors, so these do not say how far they are
            return piece.clone()
        full = len(self._buffers) == self._buffers.maxlen
        buffer = self._buffers.popleft() if full else torch.empty(0, dtype=torch.uint8)
        if len(buffer) < piece.nbytes:
            buffer = torch.empty(max(piece.nbytes, _PIECE_BYTES), dtype=torch.uint8)
        self._buffers.append(buffer)
        return buffer[: piece.nbytes].view(piece.dtype).reshape(piece.shape).copy_(piece)


def lasting_buffers() -> Buffers:
    """Those that `spliced` wants."""
    return Buffers(LASTING + 1)


def spliced(
    place: Place,
    tensor: Tensor,
    values: Values,
    buffers: Buffers,
    *,
    empty: Callable[[Tensor], None] = lambda piece: None,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of ``tensor`` in the order of its bytes, each as it is and with ``values`` in the key's place.

    Args:
        tensor: on the CPU and contiguous; it is not written to.
        values: of the key's place; they are cast to the tensor's dtype.
        buffers: of `lasting_buffers`, the same for one tensor after another.
        empty: told each piece with zeros in the key's place, as `cleared` gives it.

    Yields:
        (u, unit) twice. The second is the first itself where no unit of the key lies, else a tensor that is written
        anew after `LASTING` further pieces, if it is a large one: threads may read it so long.
    """
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
    buffers = Buffers(1)
    for piece, where, _ in _pieces(place, tensor):
        yield piece if where is None else buffers.copy(piece).index_fill_(0, where, 0)


def _pieces(place: Place, tensor: Tensor) -> Iterator[tuple[Tensor, Tensor | None, slice]]:
    """(u, unit) pieces, where in each the key's units lie (None: nowhere), and which units of the key these are."""
    flat = tensor.detach().reshape(-1, place.unit)
    step = max(1, _PIECE_BYTES // (place.unit * place.info.dtype.itemsize))
    bounds = np.searchsorted(place.indices, np.arange(0, len(flat) + step, step))
    for number, start in enumerate(range(0, len(flat), step)):
        units = slice(int(bounds[number]), int(bounds[number + 1]))
        inside = place.indices[units] - start
        yield flat[start : start + step], torch.from_numpy(inside) if len(inside) else None, units
