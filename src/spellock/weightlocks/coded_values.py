"""A key's values in the form of its file, decoded one tensor at a time: a key takes no more memory than its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from spellock.weightlocks.coded_parts import decode_part
from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import Values
from spellock.weightlocks.value_coding import coded_bytes, decode_values, encode_values


class CodedValues(Mapping[str, Tensor]):
    """What `WeightKey.values` may be: (k, unit) tensors by name, made anew whenever one is asked for.

    Args:
        places: of the tensors, which also give their order.
        coded: the bytes of each, as `encode_values` writes them.
        coding: how they are held.
        checked: whether the bytes are known to be `canonical`, as those are that were encoded here.
    """

    def __init__(
        self, places: Mapping[str, Place], coded: Mapping[str, bytes | bytearray], coding: str, *, checked: bool = False
    ) -> None:
        self._places, self._coded, self._coding = dict(places), dict(coded), coding
        self._checked = set(coded) if checked else set()

    def raw(self, name: str) -> bytes | bytearray:
        """The bytes of one tensor's values."""
        return self._coded[name]

    def lazily(self, name: str) -> Values:
        """The values of one tensor, decoded in the parts that are asked for."""
        return _Lazy(self._places[name], memoryview(self._coded[name]), self._coding)

    def fills(self, place: Place, coding: str) -> bool:
        """Whether the values are as many as ``place`` wants, held in ``coding``, without decoding them."""
        mine = self._places[place.name]
        wanted = (place.info, place.unit, len(place.indices), coding)
        size = coded_bytes(len(place.indices), place.unit, place.info, coding)
        return (mine.info, mine.unit, len(mine.indices), self._coding) == wanted and len(self.raw(place.name)) == size

    def canonical(self, name: str) -> bool:
        """Whether the bytes are those that `encode_values` writes for the values they stand for; looked at once."""
        if name not in self._checked:
            again = encode_values(self[name], self._places[name].info, self._coding)
            if again != self.raw(name):
                return False
            self._checked.add(name)
        return True

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


@dataclass(frozen=True)
class _Lazy:
    place: Place
    data: memoryview
    coding: str

    def __getitem__(self, units: slice) -> Tensor:
        place = self.place
        return decode_part(self.data, len(place.indices), place.unit, place.info, self.coding, units)
