"""A tensor with other values in the key's place, in pieces that stay in the processor's cache.

Locking and unlocking read each weight, hash it and write it; copies of whole tensors would cost more than the hash.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from torch import Tensor

from spellock.weightlocks.places import Place

_PIECE_BYTES: Final = 1 << 20


def spliced(place: Place, tensor: Tensor, values: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Pieces of ``tensor`` in the order of its bytes, each as it is and with ``values`` in the key's place.

    Args:
        tensor: on the CPU and contiguous; it is not written to.
        values: (k, unit) of any floating dtype; they are cast to the tensor's.

    Yields:
        (u, unit) twice. The second is the first itself where no unit of the key lies, else a tensor of its own.
    """
    flat = tensor.detach().reshape(-1, place.unit)
    step = max(1, _PIECE_BYTES // (place.unit * place.info.dtype.itemsize))
    bounds = np.searchsorted(place.indices, np.arange(0, len(flat) + step, step))
    for number, start in enumerate(range(0, len(flat), step)):
        piece, (first, last) = flat[start : start + step], bounds[number : number + 2]
        if first == last:
            yield piece, piece
            continue
        changed = piece.clone()  # not one buffer for all: threads may still hash the piece before
        where = torch.from_numpy(place.indices[first:last] - start)
        changed.index_copy_(0, where, values[first:last].to(changed.dtype))
        yield piece, changed


def cleared(place: Place, tensor: Tensor) -> Iterator[Tensor]:
    """The pieces of ``tensor`` with zeros in the key's place; see `spliced`."""
    zeros = torch.zeros((), dtype=tensor.dtype).expand(len(place.indices), place.unit)
    return (changed for _, changed in spliced(place, tensor, zeros))
