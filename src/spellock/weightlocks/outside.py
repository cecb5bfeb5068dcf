"""What lies outside the key has to stay as it is: of each tensor the key holds a tag of it with the key's part at zero.

The tag is Poly1305 (RFC 8439) under a key for this tensor alone, made of the weight key's secret: who lacks that cannot
make another tensor with the same tag, and who has it checks nobody but himself. It takes far less time than SHA-256,
which keys of older files have in its place.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

import torch
from cryptography.hazmat.primitives.poly1305 import Poly1305
from torch import Tensor

from spellock.keystream import HasSecret
from spellock.weightlocks.digest import described, start_digest
from spellock.weightlocks.dtypes import bytes_of
from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import cleared

#: Hexadecimal digits of a tag; a digest has twice as many.
TAG_DIGITS: Final = 32
_ZEROS: Final = 1 << 18  # scalars at once


class RunningTag:
    """The tag of a tensor that comes in pieces, with zeros in the key's place."""

    def __init__(self, place: Place, key: HasSecret) -> None:
        self._tag = Poly1305(key.derive(f"weight key: tag of what is outside, {place.name}"))
        self._tag.update(described(place.info))

    def update(self, piece: Tensor) -> None:
        """The next piece."""
        self._tag.update(bytes_of(piece))

    def hexdigest(self) -> str:
        """The tag, once."""
        return self._tag.finalize().hex()


def outside_tag(place: Place, tensor: Tensor, key: HasSecret) -> str:
    """32 hexadecimal digits: the tag of dtype, shape and bytes of ``tensor`` with zeros in the key's place."""
    return _tag(place, _pieces(place, tensor), key)


def outside_digest(place: Place, tensor: Tensor) -> str:
    """64 hexadecimal digits: SHA-256 of the same, as older keys have it."""
    return _digest(place, _pieces(place, tensor))


def empty_tag(place: Place, key: HasSecret) -> str:
    """`outside_tag` of a tensor that is in the key as a whole, which need not be there."""
    return _tag(place, _zeros(place), key)


def empty_digest(place: Place) -> str:
    """`outside_digest` of a tensor that is in the key as a whole, which need not be there."""
    return _digest(place, _zeros(place))


def is_as_before(place: Place, tensor: Tensor, held: str, key: HasSecret) -> bool:
    """Whether ``held``, a tag or a digest, is that of what lies outside of ``place`` in ``tensor``."""
    found = outside_tag(place, tensor, key) if len(held) == TAG_DIGITS else outside_digest(place, tensor)
    return hmac.compare_digest(found, held)


def _tag(place: Place, pieces: Iterator[Tensor], key: HasSecret) -> str:
    found = RunningTag(place, key)
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def _digest(place: Place, pieces: Iterator[Tensor]) -> str:
    found = start_digest(place.info)
    for piece in pieces:
        found.update(bytes_of(piece))
    return found.hexdigest()


def _pieces(place: Place, tensor: Tensor) -> Iterator[Tensor]:
    return cleared(place, tensor.detach().cpu().contiguous())


def _zeros(place: Place) -> Iterator[Tensor]:
    zeros = torch.zeros(min(place.info.scalars, _ZEROS), dtype=place.info.dtype)
    for start in range(0, place.info.scalars, _ZEROS):
        yield zeros[: place.info.scalars - start]
