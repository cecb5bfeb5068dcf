"""The layout of encrypted weights, and the cipher that fills it.

    96 bytes   prefix: magic, version, flags, chunk size, header size, file id, commitment
    H + 16     the safetensors header, in the clear or encrypted, and its tag
    ...        tensor by tensor, in the header's order: chunks, each with a tag of 16 bytes

Everything is AES-256-GCM under a key derived for this file alone (HKDF-SHA256 of the owner's key with the random file
id as salt), so nonces need not be random: they say which tensor and which chunk of it this is, and whether it is the
last one, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015). A chunk in another place, of another tensor or of
another file does not open, nor does a tensor whose last chunks are missing. AES-GCM alone lets one ciphertext open
under several keys; the commitment ties the file to one, and tells a wrong key from an altered file.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spellock.errors import ConfigError, KeyFileError, ModelError
from spellock.hidden import HiddenBytes
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.safetensors_header import MAX_HEADER_BYTES, Header, TensorEntry

MAGIC: Final = b"SPELLENC"
VERSION: Final = 1
FILE_ID_BYTES: Final = 32
TAG_BYTES: Final = 16
MAX_CHUNK_BYTES: Final = 2**26  # what a reader must hold at once, whatever a file says
_HIDDEN: Final = 1
_PREFIX: Final = struct.Struct("<8sIIQQ32s32s")
PREFIX_BYTES: Final = _PREFIX.size
_PURPOSE: Final = "spellock encrypted weights v1: "
# No tensor has this number, so no chunk has the header's nonce.
_HEADER_NONCE: Final = b"\xff" * 12


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


class FileCipher:
    """Seals and opens the parts of one file; `repr` shows nothing of the key."""

    def __init__(self, key: FileKey, file_id: bytes) -> None:
        self._cipher = AESGCM(HiddenBytes(key.derive(_PURPOSE + "cipher", file_id)))
        self.commitment = key.derive(_PURPOSE + "commitment", file_id)
        self._opening = b""

    def check(self, prefix: Prefix, *, name: str) -> None:
        """Raise `KeyFileError` where the key is not the one that ``prefix`` was made with."""
        if not hmac.compare_digest(self.commitment, prefix.commitment):
            raise KeyFileError(f"the key does not open {name}: it belongs to other weights, or the file was altered")

    def seal_header(self, prefix: Prefix, raw: bytes) -> bytes:
        """Prefix, header and tag: all that comes before the chunks, which are bound to it."""
        start = prefix.to_bytes()
        if prefix.hidden:
            opening = start + self._cipher.encrypt(_HEADER_NONCE, raw, start)
        else:
            opening = start + raw + self._cipher.encrypt(_HEADER_NONCE, b"", start + raw)
        self._opening = hashlib.sha256(opening).digest()
        return opening

    def open_header(self, prefix: Prefix, sealed: bytes, *, name: str) -> bytes:
        """The header's bytes from those that follow the prefix.

        Raises:
            ModelError: they or the prefix were altered.
        """
        start, raw, tag = prefix.to_bytes(), sealed[:-TAG_BYTES], sealed[-TAG_BYTES:]
        try:
            if prefix.hidden:
                raw = self._cipher.decrypt(_HEADER_NONCE, sealed, start)
            else:
                self._cipher.decrypt(_HEADER_NONCE, tag, start + raw)
        except InvalidTag:
            raise ModelError(f"the header of {name} was altered; restore the file from a copy") from None
        self._opening = hashlib.sha256(start + sealed).digest()
        return raw

    def seal_chunk(self, tensor: int, chunk: int, data: bytes, *, last: bool) -> bytes:
        """One chunk of a tensor with its tag."""
        return self._cipher.encrypt(_nonce(tensor, chunk, last), data, self._opening)

    def open_chunk(self, tensor: int, chunk: int, sealed: bytes, *, last: bool) -> bytes | None:
        """The inverse; None where the chunk was altered or stood elsewhere."""
        try:
            return self._cipher.decrypt(_nonce(tensor, chunk, last), sealed, self._opening)
        except InvalidTag:
            return None

    def open_chunk_into(self, tensor: int, chunk: int, sealed: memoryview, place: memoryview, *, last: bool) -> bool:
        """As `open_chunk`, into ``place``, which is of the chunk's plain size; whether it opened."""
        if hasattr(self._cipher, "decrypt_into"):
            try:
                self._cipher.decrypt_into(_nonce(tensor, chunk, last), sealed, self._opening, place)
            except InvalidTag:
                return False
            return True
        # Older versions of cryptography make an object of their own, which then has to be copied.
        plain = self.open_chunk(tensor, chunk, bytes(sealed), last=last)
        if plain is not None:
            place[:] = plain
        return plain is not None


def _nonce(tensor: int, chunk: int, last: bool) -> bytes:
    return tensor.to_bytes(4, "big") + chunk.to_bytes(7, "big") + bytes([last])
