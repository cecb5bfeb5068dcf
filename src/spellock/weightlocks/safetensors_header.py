"""The header of a safetensors file: one JSON object that says what tensors there are and where their bytes lie.

A file from elsewhere may say anything, so a header is checked in full before anything is read by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from spellock.errors import ModelError
from spellock.weightlocks.dtypes import BITS, size_in_bytes

#: The format's own limit.
MAX_HEADER_BYTES: Final = 100_000_000
_MAX_RANK: Final = 64
_METADATA: Final = "__metadata__"


@dataclass(frozen=True, kw_only=True)
class TensorEntry:
    """One tensor as a header describes it.

    Attributes:
        name: its name.
        dtype: the format's name of the element type, for example ``"F32"``.
        shape: its sizes; empty for a scalar.
        nbytes: its bytes, found from the two above.

    Raises:
        ModelError: the type is unknown, the shape is no shape, or the elements do not fill whole bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or self.name == _METADATA:
            raise ModelError(f"got the tensor name {self.name!r}, expected text other than {_METADATA}")
        if not isinstance(self.dtype, str):
            raise ModelError(f"tensor {self.name!r} has the element type {self.dtype!r}, expected a name such as F32")
        if len(self.shape) > _MAX_RANK or any(type(size) is not int or not 0 <= size < 2**63 for size in self.shape):
            raise ModelError(f"tensor {self.name!r} has an impossible shape, expected at most {_MAX_RANK} sizes")
        if size_in_bytes(self.dtype, self.shape) is None:
            raise ModelError(f"tensor {self.name!r} of {self.dtype} {list(self.shape)} does not fill whole bytes")

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return size_in_bytes(self.dtype, self.shape) or 0


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of its tensors.

    Attributes:
        entries: the tensors in the order in which their bytes lie.
        offsets: name -> where its bytes begin, counted from the end of the header.
        metadata: the file's own words about itself, text to text.
        raw: the header's bytes as they stand in the file, its length and padding left out.
    """

    entries: tuple[TensorEntry, ...]
    offsets: Mapping[str, int]
    metadata: Mapping[str, str]
    raw: bytes

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(entry.nbytes for entry in self.entries)

    @classmethod
    def from_raw(cls, raw: bytes, *, name: str) -> Header:
        """Take a header's bytes apart; ``name`` stands for the file in messages.

        Raises:
            ModelError: it is not valid: no JSON object, a name twice, a field too many or too few, an unknown type,
                sizes that do not fit the offsets, or offsets that leave gaps, overlap or do not begin at 0.
        """
        fields = _parse(raw, name=name)
        metadata = fields.pop(_METADATA, {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ModelError(f"{name} has metadata other than text, so it is no safetensors file; get it again")
        places = sorted(
            (_place(tensor, value, name=name) for tensor, value in fields.items()), key=lambda each: each[:2]
        )
        end = 0
        for start, stop, entry in places:
            if start != end or stop - start != entry.nbytes:
                raise ModelError(f"{name}: the offsets of tensor {entry.name!r} do not fit; the file is damaged")
            end = stop
        return cls(
            entries=tuple(entry for _, _, entry in places),
            offsets=MappingProxyType({entry.name: start for start, _, entry in places}),
            metadata=MappingProxyType(metadata),
            raw=raw,
        )

    @classmethod
    def of(cls, entries: Sequence[TensorEntry], metadata: Mapping[str, str] | None = None) -> Header:
        """The header of a new file: tensors in the library's order, wide elements first, so that all lie aligned.

        Raises:
            ModelError: a name comes twice, or the header would be larger than the format allows.
        """
        ordered = sorted(entries, key=lambda entry: (-BITS[entry.dtype], entry.name))
        fields: dict[str, object] = {_METADATA: dict(metadata)} if metadata else {}
        end = 0
        for entry in ordered:
            if entry.name in fields:
                raise ModelError(f"the tensor name {entry.name!r} comes twice, expected every name once")
            span = [end, end + entry.nbytes]
            fields[entry.name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": span}
            end += entry.nbytes
        raw = json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
        raw = raw.ljust(-(-len(raw) // 8) * 8)
        if len(raw) > MAX_HEADER_BYTES:
            raise ModelError(f"the header would have {len(raw)} bytes, expected at most {MAX_HEADER_BYTES}")
        return cls.from_raw(raw, name="the new file")


def _parse(raw: bytes, *, name: str) -> dict[str, object]:
    try:
        fields = json.loads(raw.decode(), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ModelError(f"{name} has no valid safetensors header; it is another kind of file, or damaged") from None
    if not isinstance(fields, dict) or not raw.startswith(b"{"):
        raise ModelError(f"{name} has no valid safetensors header; it is another kind of file, or damaged")
    return fields


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _place(tensor: str, value: object, *, name: str) -> tuple[int, int, TensorEntry]:
    broken = ModelError(f"{name}: the header's words on tensor {tensor!r} are not valid; the file is damaged")
    if not isinstance(value, dict) or sorted(value) != ["data_offsets", "dtype", "shape"]:
        raise broken
    shape, span = value["shape"], value["data_offsets"]
    if not isinstance(shape, list) or not isinstance(span, list) or len(span) != 2:
        raise broken
    if any(type(each) is not int for each in span):
        raise broken
    try:
        entry = TensorEntry(name=tensor, dtype=value["dtype"], shape=tuple(shape))
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None
    return span[0], span[1], entry
