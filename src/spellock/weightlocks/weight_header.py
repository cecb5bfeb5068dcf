"""The public part of a weight key's file: what it is, how it is encrypted, and whether it is whole."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import stat
from pathlib import Path
from typing import Any, Final

from spellock.errors import ConfigError, KeyFileError
from spellock.keyfile_cipher import (
    COMMITMENT_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    Cost,
    cost_from_dict,
    cost_to_dict,
)
from spellock.keyfile_format import canonical
from spellock.keyfile_seal import WEIGHT_MAGIC

MAGIC: Final = WEIGHT_MAGIC
VERSION: Final = 1
MAX_BYTES: Final = 64 * 2**30
_CHECKSUM: Final = 32
_MAX_HEADER: Final = 4096
_log = logging.getLogger(__name__)


def is_weight_key(path: Path) -> bool:
    """Whether a file begins like a weight key's; False for one that cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_weight_header(path: Path) -> dict[str, Any]:
    """The public part of a weight key's file as plain JSON values; it says nothing of the key itself.

    Raises:
        KeyFileError: the file is missing, no weight key's, of a newer version, altered or cut short.
    """
    header, _, _ = take_apart(read_weight_file(Path(path)), name=str(path))
    found: dict[str, Any] = json.loads(header)
    return {"format": MAGIC.decode().strip(), **found}


def weight_header(cost: Cost | None, *, salt: bytes = b"", nonce: bytes = b"", commitment: bytes = b"") -> bytes:
    """The public part in its only spelling; what is authenticated with every piece."""
    return canonical(
        {
            "cipher": "none" if cost is None else "AES-256-GCM",
            "commitment": base64.b64encode(commitment).decode(),
            "kdf": {"name": "none", "params": {}}
            if cost is None
            else {"name": cost.name, "params": cost_to_dict(cost)},
            "nonce": base64.b64encode(nonce).decode(),
            "salt": base64.b64encode(salt).decode(),
            "version": VERSION,
        }
    )


def take_apart(data: bytes, *, name: str) -> tuple[bytes, tuple[Cost | None, bytes, bytes, bytes], bytes]:
    """Header, what it says (cost, salt, nonce, commitment), and body of a file whose checksum is right."""
    if not data.startswith(MAGIC):
        raise KeyFileError(f"{name} is not a weight key's file; give one made with `spellock weights lock`")
    altered = KeyFileError(f"{name} was altered or cut short; restore it from a copy")
    start = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : start], "little")
    header, rest = data[start : start + length], memoryview(data)[start + length :]
    if length > _MAX_HEADER or len(rest) < _CHECKSUM:
        raise altered
    try:
        said = json.loads(header)
        version = said["version"]
        if type(version) is int and version > VERSION:
            raise KeyFileError(
                f"{name} was made by a newer spellock (weight key version above {VERSION}); upgrade spellock"
            )
        if not hmac.compare_digest(hashlib.sha256(memoryview(data)[:-_CHECKSUM]).digest(), data[-_CHECKSUM:]):
            raise altered
        cost = None if said["cipher"] == "none" else cost_from_dict(said["kdf"]["name"], said["kdf"]["params"])
        salt, nonce, commitment = (
            base64.b64decode(said[field], validate=True) for field in ("salt", "nonce", "commitment")
        )
        lengths = (0, 0, 0) if cost is None else (SALT_BYTES, NONCE_BYTES, COMMITMENT_BYTES)
        again = weight_header(cost, salt=salt, nonce=nonce, commitment=commitment)
        if (len(salt), len(nonce), len(commitment)) != lengths or again != header:
            raise altered
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError):
        raise altered from None
    return header, (cost, salt, nonce, commitment), bytes(rest[:-_CHECKSUM])


def read_weight_file(path: Path) -> bytes:
    """The bytes of a weight key's file; a warning is logged where other users of the machine can read it.

    Raises:
        KeyFileError: it is missing, unreadable, not a regular file, or too large.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
            raise KeyFileError(f"{path} is no regular file of a weight key's size; check the path")
        data = path.read_bytes()
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}; check the path") from None
    except ValueError:
        raise KeyFileError("the path of the key file holds a null character; check the path") from None
    if os.name == "posix" and status.st_mode & 0o077:
        _log.warning("%s can be read by other users of this machine; run `chmod 600 %s`", path, path)
    return data
