"""Weight keys on disk: encrypted under a passphrase by default, mode 0600, opened whole or not at all.

A weight key may be hundreds of megabytes, so its file is binary, unlike an image key's: a magic line, the length of a
header, the header in JSON (its only spelling), the body in pieces of 64 MiB, and a SHA-256 of all that. Each piece is
sealed with AES-256-GCM; header, number of the piece and whether it is the last are authenticated with it, so pieces
can be neither dropped nor exchanged. Slow hash and commitment are those of `spellock.keyfile_cipher`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from spellock.artefacts import write_bytes
from spellock.errors import ConfigError, KeyFileError
from spellock.keyfile import refuse_existing
from spellock.keyfile_cipher import (
    COMMITMENT_BYTES,
    NONCE_BYTES,
    SALT_BYTES,
    Cost,
    cost_from_dict,
    cost_to_dict,
    decrypt,
    default_cost,
    encrypt,
    split_keys,
)
from spellock.keyfile_format import canonical
from spellock.passphrase import ask_passphrase, read_passphrase_file
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_payload import key_of, payload_of

MAGIC: Final = b"spellock-weight-key\n"
VERSION: Final = 1
MAX_BYTES: Final = 64 * 2**30
_PIECE: Final = 64 * 2**20
_TAG: Final = 16
_CHECKSUM: Final = 32
_MAX_HEADER: Final = 4096
_log = logging.getLogger(__name__)


def save_weight_key(
    key: WeightKey,
    path: Path,
    *,
    passphrase: str | None,
    plain: bool = False,
    overwrite: bool = False,
    cost: Cost | None = None,
) -> None:
    """Write ``key`` to ``path``, mode 0600, complete or not at all. Arguments as in `spellock.keyfile.save_key`.

    Raises:
        ConfigError: ``passphrase`` and ``plain`` contradict each other.
        KeyFileError: the passphrase is empty, too long or not valid text.
        StorageError: the file exists, or cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    if plain == (passphrase is not None):
        raise ConfigError(
            "got a passphrase for a key file without encryption; drop the one or the other"
            if plain
            else "got no passphrase for the key file; give one, or ask for a file without encryption"
        )
    payload = payload_of(key)
    if passphrase is None:
        header, pieces = _header(None), [payload]
    else:
        cost = default_cost() if cost is None else cost
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        cipher_key, commitment = split_keys(passphrase, cost, salt)
        header = _header(cost, salt=salt, nonce=nonce, commitment=commitment)
        count = max(-(-len(payload) // _PIECE), 1)
        pieces = [
            encrypt(
                cipher_key,
                _nonce(nonce, number),
                payload[number * _PIECE : (number + 1) * _PIECE],
                _authenticated(header, number, last=number == count - 1),
            )
            for number in range(count)
        ]
    data = b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *pieces])
    write_bytes(path, data + hashlib.sha256(data).digest(), mode=0o600)


def load_weight_key(path: Path, *, passphrase: str | None = None) -> WeightKey:
    """Read a weight key's file; ``passphrase`` is None for an unencrypted one.

    Raises:
        KeyFileError: the file is missing, unreadable, no weight key's, of a newer version, altered or cut short, the
            passphrase is wrong or missing, or one is given and the file is not encrypted.
    """
    path = Path(path)
    header, fields, body = _take_apart(_read(path), name=str(path))
    cost, salt, nonce, commitment = fields
    if cost is None:
        if passphrase is not None:
            raise KeyFileError(f"{path} is not encrypted although a passphrase was given; check that it is your file")
        return key_of(body, name=str(path))
    if passphrase is None:
        raise KeyFileError(f"{path} is encrypted; give its passphrase with --passphrase-file or when asked")
    cipher_key, expected = split_keys(passphrase, cost, salt)
    if not hmac.compare_digest(expected, commitment):
        raise KeyFileError(f"wrong passphrase for {path}; type it again")
    step = _PIECE + _TAG
    count = max(-(-len(body) // step), 1)
    pieces = []
    for number in range(count):
        authenticated = _authenticated(header, number, last=number == count - 1)
        sealed = body[number * step : (number + 1) * step]
        piece = decrypt(cipher_key, _nonce(nonce, number), sealed, authenticated)
        if piece is None:
            raise KeyFileError(f"{path} was altered although its passphrase is right; restore it from a copy")
        pieces.append(piece)
    return key_of(b"".join(pieces), name=str(path))


def open_weight_key(path: Path, *, passphrase_file: Path | None = None) -> WeightKey:
    """`load_weight_key` with the passphrase from ``passphrase_file`` or else asked for at the terminal.

    Raises:
        KeyFileError: the file does not open, or there is no passphrase to be had.
    """
    if passphrase_file is not None:
        return load_weight_key(path, passphrase=read_passphrase_file(passphrase_file))
    _, (cost, *_), _ = _take_apart(_read(Path(path)), name=str(path))
    return load_weight_key(path, passphrase=None if cost is None else ask_passphrase(Path(path)))


def is_weight_key(path: Path) -> bool:
    """Whether a file begins like a weight key's; False for one that cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _header(cost: Cost | None, *, salt: bytes = b"", nonce: bytes = b"", commitment: bytes = b"") -> bytes:
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


def _take_apart(data: bytes, *, name: str) -> tuple[bytes, tuple[Cost | None, bytes, bytes, bytes], bytes]:
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
        again = _header(cost, salt=salt, nonce=nonce, commitment=commitment)
        if (len(salt), len(nonce), len(commitment)) != lengths or again != header:
            raise altered
    except (ValueError, TypeError, KeyError, RecursionError, ConfigError):
        raise altered from None
    return header, (cost, salt, nonce, commitment), bytes(rest[:-_CHECKSUM])


def _nonce(base: bytes, number: int) -> bytes:
    return (int.from_bytes(base, "big") ^ number).to_bytes(NONCE_BYTES, "big")


def _authenticated(header: bytes, number: int, *, last: bool) -> bytes:
    return header + number.to_bytes(4, "big") + bytes([last])


def _read(path: Path) -> bytes:
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
