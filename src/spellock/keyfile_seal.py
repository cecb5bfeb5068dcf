"""Any small secret under a passphrase: what key files of every kind have in common.

`seal` and `unseal` turn a payload into a file's bytes and back, `read_key_file` reads those bytes with care. What the
payload means is the matter of `spellock.keyfile` and of whoever else keeps a key in such a file.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from spellock.errors import ConfigError, KeyFileError
from spellock.keyfile_cipher import NONCE_BYTES, SALT_BYTES, Cost, decrypt, encrypt, split_keys
from spellock.keyfile_format import MAX_BYTES, Envelope, Kind

_log = logging.getLogger(__name__)


def seal(payload: bytes, passphrase: str | None, *, plain: bool, cost: Cost | None, kind: Kind) -> bytes:
    """The bytes of a key file of ``kind`` that holds ``payload``; every call draws a fresh salt and nonce.

    Args:
        payload: what to keep; the file may have 64 kB.
        passphrase: encrypts it; None only together with ``plain``.
        plain: do not encrypt.
        cost: the slow hash; None only together with ``plain``.
        kind: what sort of key file it is.

    Raises:
        ConfigError: ``passphrase`` and ``plain`` contradict each other, or the payload is too large.
        KeyFileError: the passphrase is empty, too long or not valid text.
    """
    if plain:
        if passphrase is not None:
            raise ConfigError("got a passphrase for a key file without encryption; drop the one or the other")
        return Envelope(kind=kind, cost=None, body=payload).to_bytes()
    if passphrase is None or cost is None:
        raise ConfigError("got no passphrase for the key file; give one, or ask for a file without encryption")
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    cipher_key, commitment = split_keys(passphrase, cost, salt)
    envelope = Envelope(kind=kind, cost=cost, salt=salt, nonce=nonce, commitment=commitment)
    body = encrypt(cipher_key, nonce, payload, envelope.header_bytes())
    return Envelope(kind=kind, cost=cost, salt=salt, nonce=nonce, commitment=commitment, body=body).to_bytes()


def unseal(data: bytes, passphrase: str | None, *, name: str, kind: Kind) -> bytes:
    """The payload of a key file's bytes; ``name`` stands for the file in messages.

    Raises:
        KeyFileError: it is no key file of this kind, of a newer version, altered or cut short, the passphrase is wrong
            or missing, or one is given and the file is not encrypted.
    """
    envelope = Envelope.from_bytes(data, name=name, kind=kind)
    if envelope.cost is None:
        # Otherwise an encrypted file could be exchanged for a plain one, unnoticed by its owner.
        if passphrase is not None:
            raise KeyFileError(f"{name} is not encrypted although a passphrase was given; check that it is your file")
        return envelope.body
    if passphrase is None:
        raise KeyFileError(f"{name} is encrypted; give its passphrase with --passphrase-file or when asked")
    cipher_key, commitment = split_keys(passphrase, envelope.cost, envelope.salt)
    if not hmac.compare_digest(commitment, envelope.commitment):
        raise KeyFileError(f"wrong passphrase for {name}; type it again, or look into the file it came from")
    payload = decrypt(cipher_key, envelope.nonce, envelope.body, envelope.header_bytes())
    if payload is None:
        raise KeyFileError(f"{name} was altered although its passphrase is right; restore it from a copy")
    return payload


#: How files of weight keys begin, which are larger and have a room of their own.
WEIGHT_MAGIC: Final = b"spellock-weight-key\n"


def read_key_file(path: Path, *, kind: Kind) -> bytes:
    """The bytes of a key file; a warning is logged where other users of the machine can read it.

    Raises:
        KeyFileError: it is missing, unreadable, not a regular file, or larger than 64 kB.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path} is not a regular file; give a key file made with `{kind.made_with}`")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}; check the path") from None
    except ValueError:
        raise KeyFileError("the path of the key file holds a null character; check the path") from None
    if data.startswith(WEIGHT_MAGIC):
        raise KeyFileError(
            f"{path} is a weight key, expected a file made with `{kind.made_with}`; weight keys go to "
            "`spellock weights`, `predict` and `evaluate --attacks`"
        )
    if len(data) > MAX_BYTES:
        raise KeyFileError(f"{path} is larger than {MAX_BYTES} bytes, too large for a key file")
    if os.name == "posix" and status.st_mode & 0o077:
        _log.warning("%s can be read by other users of this machine; run `chmod 600 %s`", path, path)
    return data
