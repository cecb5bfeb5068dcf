"""Permutations drawn from a key's whole secret.

A seed of 32 or 64 bits for a library's generator would make the seed the key: a thief would try all seeds, whatever the
number of permutations. Here the draws come from HKDF-SHA256 of the 256-bit secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import torch
from torch import Tensor

from spellock.key import Key

_CHUNK: Final = 8160  # bytes, the most that one call of HKDF-SHA256 gives
_WORD: Final = 4


def keyed_permutation(key: Key, purpose: str, count: int) -> Tensor:
    """A uniform permutation of 0 .. ``count`` - 1, int64 (count,): Fisher-Yates from the end, 32 bits a draw.

    Words that would favour small numbers are thrown away, so that every permutation is equally likely.
    """
    words = _words(key, purpose)
    order = list(range(count))
    for last in range(count - 1, 0, -1):
        choices = last + 1
        limit = 2**32 - 2**32 % choices
        chosen = next(word for word in words if word < limit) % choices
        order[last], order[chosen] = order[chosen], order[last]
    return torch.tensor(order, dtype=torch.int64)


def _words(key: Key, purpose: str) -> Iterator[int]:
    """An endless row of big-endian 32-bit words."""
    number = 0
    while True:
        chunk = key.derive(f"{purpose}, part {number}", _CHUNK)
        yield from (int.from_bytes(chunk[start : start + _WORD], "big") for start in range(0, _CHUNK, _WORD))
        number += 1
