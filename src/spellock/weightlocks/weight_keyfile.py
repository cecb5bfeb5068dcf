"""Weight keys on disk: encrypted under a passphrase by default, mode 0600, opened whole or not at all.

A weight key may be hundreds of megabytes, so its file is binary, unlike an image key's: a magic line, the length of a
header, the header in JSON (its only spelling), the body in pieces of 64 MiB, and a SHA-256 of all that. Each piece is
sealed with AES-256-GCM; header, number of the piece and whether it is the last are authenticated with it, so pieces
can be neither dropped nor exchanged. Slow hash and commitment are those of `spellock.keyfile_cipher`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from spellock.artefacts import write_bytes
from spellock.errors import ConfigError, KeyFileError
from spellock.keyfile import refuse_existing
from spellock.keyfile_cipher import (
    NONCE_BYTES,
    SALT_BYTES,
    Cost,
    decrypt,
    default_cost,
    encrypt,
    split_keys,
)
from spellock.passphrase import ask_passphrase, read_passphrase_file
from spellock.weightlocks.weight_header import MAGIC, read_weight_file, take_apart, weight_header
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_payload import key_of, payload_of

_PIECE: Final = 64 * 2**20
_TAG: Final = 16


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
        header, pieces = weight_header(None), [payload]
    else:
        cost = default_cost() if cost is None else cost
        salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
        cipher_key, commitment = split_keys(passphrase, cost, salt)
        header = weight_header(cost, salt=salt, nonce=nonce, commitment=commitment)
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
    header, fields, body = take_apart(read_weight_file(path), name=str(path))
    cost, salt, nonce, commitment = fields
    if cost is None:
        if passphrase is not None:
            raise KeyFileError(f"{path} is not encrypted although a passphrase was given; check that it is your file")
        return key_of(body, name=str(path))
    if passphrase is None:
        raise KeyFileError(f"{path} is encrypted; give its passphrase with --passphrase-file or when asked")
    cipher_key, expected = split_keys(passphrase, cost, salt)
    if not hmac.compare_digest(expected, commitment):
        raise KeyFileError(f"wrong passphrase for {path}; type it again, or look into the file it came from")
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
    _, (cost, *_), _ = take_apart(read_weight_file(Path(path)), name=str(path))
    return load_weight_key(path, passphrase=None if cost is None else ask_passphrase(Path(path)))


def rekey_weight_key(
    path: Path,
    *,
    passphrase: str | None,
    new_passphrase: str | None,
    plain: bool = False,
    cost: Cost | None = None,
) -> None:
    """Encrypt a weight key's file anew, in one step; on any failure the old file stays. See `spellock.keyfile.rekey`.

    Raises:
        KeyFileError: the file does not open.
        ConfigError: ``new_passphrase`` and ``plain`` contradict each other.
        StorageError: the new file cannot be written.
    """
    path = Path(os.path.realpath(path))
    key = load_weight_key(path, passphrase=passphrase)
    save_weight_key(key, path, passphrase=new_passphrase, plain=plain, overwrite=True, cost=cost)


def _nonce(base: bytes, number: int) -> bytes:
    return (int.from_bytes(base, "big") ^ number).to_bytes(NONCE_BYTES, "big")


def _authenticated(header: bytes, number: int, *, last: bool) -> bytes:
    return header + number.to_bytes(4, "big") + bytes([last])
