"""The layout of encrypted weights: where what lies in the file, and its first bytes.

    96 bytes   prefix: magic, version, flags, chunk size, header size, file id, commitment
    H + 16     the safetensors header, in the clear or encrypted, and its tag
    ...        tensor by tensor, in the header's order: chunks, each with a tag of 16 bytes

The cipher is that of `file_cipher`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.safetensors_header import MAX_HEADER_BYTES, Header, TensorEntry

MAGIC: Final = b"SPELLENC"
VERSION: Final = 1
FILE_ID_BYTES: Final = 32
TAG_BYTES: Final = 16
MAX_CHUNK_BYTES: Final = 2**26  # what a reader must hold at once, whatever a file says
_HIDDEN: Final = 1
_PREFIX: Final = struct.Struct("<8sIIQQ32s32s")
PREFIX_BYTES: Final = _PREFIX.size


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """The public first bytes of a file.

    Attributes:
        hidden: whether the safetensors header (names, types, shapes) is encrypted too.
        chunk_bytes: plain bytes of a full chunk, 1 to 64 MiB.
        header_bytes: bytes of the safetensors header.
        file_id: 32 random bytes, drawn for this file.
        commitment: 32 bytes that only the right key gives for this file id.

    Raises:
        ConfigError: the chunk size is out of range.
    """

    hidden: bool
    chunk_bytes: int
    header_bytes: int
    file_id: bytes
    commitment: bytes

    def __post_init__(self) -> None:
        if type(self.chunk_bytes) is not int or not 1 <= self.chunk_bytes <= MAX_CHUNK_BYTES:
            raise ConfigError(f"got chunks of {self.chunk_bytes!r} bytes, expected 1 to {MAX_CHUNK_BYTES}")

    def to_bytes(self) -> bytes:
        """The 96 bytes."""
        return _PREFIX.pack(
            MAGIC,
            VERSION,
            _HIDDEN if self.hidden else 0,
            self.chunk_bytes,
            self.header_bytes,
            self.file_id,
            self.commitment,
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str) -> Prefix:
        """Take them apart; ``name`` stands for the file in messages.

        Raises:
            ModelError: these are no encrypted weights, or of a newer version, or altered or cut short.
        """
        if data[:8] != MAGIC:
            raise ModelError(
                f"{name} does not hold encrypted weights; give a file made with `spellock weights encrypt`"
            )
        version = int.from_bytes(data[8:12], "little")
        if version > VERSION:
            raise ModelError(f"{name} was made by a newer spellock (version above {VERSION}); upgrade spellock")
        if version != VERSION or len(data) != PREFIX_BYTES:
            raise ModelError(f"{name} was altered or cut short; restore it from a copy")
        _, _, flags, chunk_bytes, header_bytes, file_id, commitment = _PREFIX.unpack(data)
        if flags not in (0, _HIDDEN) or not 1 <= chunk_bytes <= MAX_CHUNK_BYTES or header_bytes > MAX_HEADER_BYTES:
            raise ModelError(f"{name} was altered: its first bytes are not valid; restore it from a copy")
        return cls(
            hidden=flags == _HIDDEN,
            chunk_bytes=chunk_bytes,
            header_bytes=header_bytes,
            file_id=file_id,
            commitment=commitment,
        )


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where the chunks of each tensor lie, given the header and the size of a chunk."""

    header: Header
    chunk_bytes: int

    def chunks(self, entry: TensorEntry) -> int:
        """Number of a tensor's chunks; one, empty, for a tensor without elements."""
        return max(1, -(-entry.nbytes // self.chunk_bytes))

    def sealed_bytes(self, entry: TensorEntry) -> int:
        """Bytes that a tensor takes in the file."""
        return entry.nbytes + TAG_BYTES * self.chunks(entry)

    def starts(self) -> dict[str, tuple[int, int]]:
        """Name -> the tensor's number, and where its first chunk lies in the file."""
        found, at = {}, PREFIX_BYTES + len(self.header.raw) + TAG_BYTES
        for number, entry in enumerate(self.header.entries):
            found[entry.name] = number, at
            at += self.sealed_bytes(entry)
        return found

    @property
    def file_bytes(self) -> int:
        """Bytes of the whole file."""
        start = PREFIX_BYTES + len(self.header.raw) + TAG_BYTES
        return start + sum(self.sealed_bytes(entry) for entry in self.header.entries)
