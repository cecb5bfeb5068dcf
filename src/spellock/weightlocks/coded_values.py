"""A key's values in the form of its file, decoded one tensor at a time: a key takes no more memory than its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from spellock.weightlocks.places import Place
from spellock.weightlocks.value_coding import decode_values, encode_values


class CodedValues(Mapping[str, Tensor]):
    """What `WeightKey.values` may be: (k, unit) tensors by name, made anew whenever one is asked for.

    Args:
        places: of the tensors, which also give their order.
        coded: the bytes of each, as `encode_values` writes them; their lengths must be right.
        coding: how they are held.
    """

    def __init__(self, places: Mapping[str, Place], coded: Mapping[str, bytes], coding: str) -> None:
        self._places, self._coded, self._coding = dict(places), dict(coded), coding

    def raw(self, name: str) -> bytes:
        """The bytes of one tensor's values."""
        return self._coded[name]

    def canonical(self, name: str) -> bool:
        """Whether the bytes are those that `encode_values` writes for the values that they stand for."""
        return encode_values(self[name], self._places[name].info, self._coding) == self._coded[name]

    def __getitem__(self, name: str) -> Tensor:
        place = self._places[name]
        data = memoryview(self._coded[name])
        return decode_values(data, len(place.indices), place.unit, place.info, self._coding)

    def __iter__(self) -> Iterator[str]:
        return iter(self._coded)

    def __len__(self) -> int:
        return len(self._coded)

    def __repr__(self) -> str:
        return f"CodedValues(tensors={len(self)}, values=<hidden>)"
