"""The cipher that fills the layout of encrypted weights.

Everything is AES-256-GCM under a key derived for this file alone (HKDF-SHA256 of the owner's key with the random file
id as salt), so nonces need not be random: they say which tensor and which chunk of it this is, and whether it is the
last one, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizar 2015). A chunk in another place, of another tensor or of
another file does not open, nor does a tensor whose last chunks are missing. AES-GCM alone lets one ciphertext open
under several keys; the commitment ties the file to one, and tells a wrong key from an altered file.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spellock.errors import KeyFileError, ModelError
from spellock.hidden import HiddenBytes
from spellock.weightlocks.encrypted_layout import TAG_BYTES, Prefix
from spellock.weightlocks.file_key import FileKey

_PURPOSE: Final = "spellock encrypted weights v1: "
# No tensor has this number, so no chunk has the header's nonce.
_HEADER_NONCE: Final = b"\xff" * 12


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
