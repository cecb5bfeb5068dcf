"""Secrets made of a secret: one for each purpose, none of which tells anything of another."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from spellock.errors import ConfigError
from spellock.hidden import HiddenBytes

_MAX_DERIVED: Final = 255 * 32  # the limit of HKDF-SHA256 (RFC 5869)


def derive(secret: bytes, purpose: str, length: int) -> bytes:
    """Return ``length`` bytes (1 to 8160) made of ``secret`` and ``purpose``: HKDF-SHA256 (RFC 5869) without salt.

    Raises:
        ConfigError: ``purpose`` is empty or ``length`` is out of range.
    """
    if not purpose:
        raise ConfigError("the purpose of a derived secret is empty, expected a word that no other use has")
    if type(length) is not int or not 1 <= length <= _MAX_DERIVED:
        raise ConfigError(f"the length of a derived secret is {length!r}, expected 1 to {_MAX_DERIVED} bytes")
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose.encode("utf-8", "surrogateescape")).derive(
        bytes(secret)
    )


class Secret:
    """A secret that gives bytes for purposes and does not show itself.

    Args:
        secret: random bytes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = HiddenBytes(secret)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """See `derive`."""
        return derive(self._secret, purpose, length)

    def __repr__(self) -> str:
        return "Secret(<hidden>)"
