"""The layout of a key file: one JSON object with one possible spelling.

A file is read, taken apart, put together again, and must come out byte for byte the same. So nothing can be altered
unnoticed: not white space, not the order of fields, not spare bits of base64, not a field written twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from spellock.errors import ConfigError, KeyFileError
from spellock.key import Key
from spellock.keyfile_cipher import (
    COMMITMENT_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    Cost,
    cost_from_dict,
    cost_to_dict,
)

VERSION: Final = 1
MAX_BYTES: Final = 64 * 1024
_FIELDS: Final = ("checksum", "cipher", "ciphertext", "commitment", "format", "kdf", "nonce", "version")
# The payload is padded, so that the file's size tells little about the length of the prompt.
_PADDING: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What sort of key a file holds: the word in its ``format``, and the command that makes such files."""

    format: str
    made_with: str


SPELL: Final = Kind(format="spellock-key", made_with="spellock key new")


@dataclass(frozen=True, kw_only=True, repr=False)
class Envelope:
    """What a key file says in the clear, and the bytes it guards.

    Attributes:
        kind: what sort of key it is.
        cost: the slow hash and its parameters; None for a file without encryption.
        salt, nonce, commitment: 16, 12 and 32 bytes; all empty without encryption.
        body: the ciphertext, or without encryption the payload itself.
    """

    cost: Cost | None
    kind: Kind = SPELL
    salt: bytes = b""
    nonce: bytes = b""
    commitment: bytes = b""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Envelope(encrypted={self.cost is not None}, {len(self.body)} bytes)"

    def header(self) -> dict[str, object]:
        """The public part, as plain JSON values."""
        if self.cost is None:
            kdf: dict[str, object] = {"name": "none", "params": {}, "salt": ""}
        else:
            kdf = {"name": self.cost.name, "params": cost_to_dict(self.cost), "salt": _text(self.salt)}
        return {
            "cipher": "none" if self.cost is None else "AES-256-GCM",
            "commitment": _text(self.commitment),
            "format": self.kind.format,
            "kdf": kdf,
            "nonce": _text(self.nonce),
            "version": VERSION,
        }

    def header_bytes(self) -> bytes:
        """The public part in its only spelling: the associated data of the cipher."""
        return canonical(self.header())

    def to_bytes(self) -> bytes:
        """The whole file.

        Raises:
            ConfigError: it would be larger than 64 kB.
        """
        fields = {**self.header(), "ciphertext": _text(self.body)}
        checksum = hashlib.sha256(canonical(fields)).hexdigest()
        data = canonical({**fields, "checksum": checksum})
        if len(data) > MAX_BYTES:
            raise ConfigError(
                f"the key file would have {len(data)} bytes, expected at most {MAX_BYTES}; shorten its settings"
            )
        return data

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str, kind: Kind = SPELL) -> Envelope:
        """Take a file apart; ``name`` stands for it in messages.

        Raises:
            KeyFileError: it is no key file or of another kind, is of a newer version, or was altered or cut short.
        """
        fields = _parse(data, name=name, kind=kind)
        altered = KeyFileError(f"{name} was altered or cut short; restore it from a copy")
        if sorted(fields) != list(_FIELDS):
            raise altered
        kdf = fields["kdf"]
        if (
            not isinstance(kdf, dict)
            or sorted(kdf) != ["name", "params", "salt"]
            or not isinstance(kdf["params"], dict)
        ):
            raise altered
        try:
            plain = fields["cipher"] == "none"
            envelope = cls(
                kind=kind,
                cost=None if plain else cost_from_dict(kdf["name"], kdf["params"]),
                salt=_bytes(kdf["salt"], 0 if plain else SALT_BYTES),
                nonce=_bytes(fields["nonce"], 0 if plain else NONCE_BYTES),
                commitment=_bytes(fields["commitment"], 0 if plain else COMMITMENT_BYTES),
                body=_bytes(fields["ciphertext"], None),
            )
            if not hmac.compare_digest(envelope.to_bytes(), data):
                raise altered
        except ConfigError as error:
            raise KeyFileError(f"{name} was altered or was not made by spellock: {error}") from None
        return envelope


def canonical(value: Mapping[str, object]) -> bytes:
    """The only spelling of a JSON object in a key file: sorted, indented by one, ASCII, one line feed at the end."""
    return (json.dumps(value, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("ascii")


def payload_of(key: Key) -> bytes:
    """The key as canonical JSON, padded with spaces to a multiple of 1024 bytes."""
    text = canonical(key.to_dict())
    return text.ljust(-(-len(text) // _PADDING) * _PADDING)


def key_of(payload: bytes, *, name: str) -> Key:
    """The inverse of `payload_of`.

    Raises:
        KeyFileError: the payload is not exactly what `payload_of` gives for some key. The message holds nothing of it.
    """
    broken = KeyFileError(f"{name} holds no key that this version can use; upgrade spellock or restore it from a copy")
    try:
        key = Key.from_dict(json.loads(payload))
        same = hmac.compare_digest(payload_of(key), payload)
    except (ValueError, RecursionError, ConfigError):
        raise broken from None
    if not same:
        raise broken
    return key


def _parse(data: bytes, *, name: str, kind: Kind) -> dict[str, object]:
    try:
        fields = json.loads(data.decode("ascii"))
    except (ValueError, RecursionError):
        raise KeyFileError(f"{name} is not a key file, or was altered or cut short; restore it from a copy") from None
    if not isinstance(fields, dict) or fields.get("format") != kind.format:
        raise KeyFileError(f"{name} is not a spellock key file of this kind; give one made with `{kind.made_with}`")
    version = fields.get("version")
    if type(version) is int and version > VERSION:
        raise KeyFileError(f"{name} was made by a newer spellock (key file version above {VERSION}); upgrade spellock")
    if type(version) is not int or version != VERSION:
        raise KeyFileError(f"{name} has no valid version, expected {VERSION}; it was altered, restore it from a copy")
    return fields


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: object, length: int | None) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or (length is not None and len(data) != length):
        raise ConfigError("a field is not base64 of the expected length")
    return data
