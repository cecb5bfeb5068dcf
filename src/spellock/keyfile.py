"""Key files: save, load, and give a new passphrase.

Every failure to open one is a `KeyFileError`, one sentence without anything of the key or the passphrase in it. The
layout is described in docs/keys.md.
"""

from __future__ import annotations

import hmac
import logging
import os
import secrets
import stat
from pathlib import Path

from spellock.artefacts import write_bytes
from spellock.errors import ConfigError, KeyFileError, StorageError
from spellock.key import Key
from spellock.keyfile_cipher import NONCE_BYTES, SALT_BYTES, Cost, decrypt, default_cost, encrypt, split_keys
from spellock.keyfile_format import MAX_BYTES, Envelope, key_of, payload_of

_log = logging.getLogger(__name__)


def save_key(
    key: Key,
    path: Path,
    *,
    passphrase: str | None,
    plain: bool = False,
    overwrite: bool = False,
    cost: Cost | None = None,
) -> None:
    """Write ``key`` to ``path``, mode 0600, complete or not at all.

    Args:
        key: the key.
        path: the new file.
        passphrase: encrypts the file; None only together with ``plain``.
        plain: write the key unencrypted. Whoever reads the file has the key.
        overwrite: replace a file that is there; without it that is refused.
        cost: the slow hash; None takes the recommended one. Cheaper ones are for tests.

    Raises:
        ConfigError: ``passphrase`` and ``plain`` contradict each other, or the key is larger than a file may be.
        KeyFileError: the passphrase is empty, too long or not valid text.
        StorageError: the file exists, or cannot be written.
    """
    path = Path(path)
    refuse_existing(path, overwrite=overwrite)
    write_bytes(path, _seal(key, passphrase, plain=plain, cost=cost), mode=0o600)


def load_key(path: Path, *, passphrase: str | None = None) -> Key:
    """Read a key file; ``passphrase`` is None for an unencrypted one.

    Raises:
        KeyFileError: the file is missing, unreadable, larger than 64 kB, no key file, of a newer version, altered or
            cut short, the passphrase is wrong or missing, or one is given and the file is not encrypted.
    """
    path = Path(path)
    return _open(_read(path), passphrase, name=str(path))


def rekey(
    path: Path,
    *,
    passphrase: str | None,
    new_passphrase: str | None,
    plain: bool = False,
    cost: Cost | None = None,
) -> None:
    """Encrypt a key file anew under ``new_passphrase`` (None with ``plain``: take the encryption off).

    The new file replaces the old one in one step, after it was opened once in memory; on any failure the old one stays.
    Copies of the old file still open with the old passphrase.

    Raises:
        KeyFileError: the file does not open, see `load_key`.
        ConfigError: ``new_passphrase`` and ``plain`` contradict each other.
        StorageError: the new file cannot be written.
    """
    # Renaming over a link would leave its target, with the old passphrase, behind.
    path = Path(os.path.realpath(path))
    key = load_key(path, passphrase=passphrase)
    data = _seal(key, new_passphrase, plain=plain, cost=cost)
    if _open(data, new_passphrase, name=str(path)) != key:
        raise StorageError(f"{path} would not open under its new passphrase; it was left as it is, please repeat")
    write_bytes(path, data, mode=0o600)


def read_header(path: Path) -> dict[str, object]:
    """The public part of a key file: format, version, cipher, slow hash. Says nothing of the key itself.

    Raises:
        KeyFileError: the file is missing, no key file, of a newer version, altered or cut short.
    """
    path = Path(path)
    return Envelope.from_bytes(_read(path), name=str(path)).header()


def is_encrypted(path: Path) -> bool:
    """Whether a key file wants a passphrase; raises what `read_header` raises."""
    return read_header(path)["cipher"] != "none"


def refuse_existing(path: Path, *, overwrite: bool = False) -> None:
    """Raise `StorageError` where ``path`` is taken: a key that is overwritten locks its models for good."""
    if os.path.lexists(path) and not overwrite:
        raise StorageError(f"{path} exists already and a key cannot be got back; choose another name")


def _seal(key: Key, passphrase: str | None, *, plain: bool, cost: Cost | None) -> bytes:
    if plain:
        if passphrase is not None:
            raise ConfigError("got a passphrase for a key file without encryption; drop the one or the other")
        return Envelope(cost=None, body=payload_of(key)).to_bytes()
    if passphrase is None:
        raise ConfigError("got no passphrase for the key file; give one, or ask for a file without encryption")
    cost = default_cost() if cost is None else cost
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    cipher_key, commitment = split_keys(passphrase, cost, salt)
    envelope = Envelope(cost=cost, salt=salt, nonce=nonce, commitment=commitment)
    body = encrypt(cipher_key, nonce, payload_of(key), envelope.header_bytes())
    return Envelope(cost=cost, salt=salt, nonce=nonce, commitment=commitment, body=body).to_bytes()


def _open(data: bytes, passphrase: str | None, *, name: str) -> Key:
    envelope = Envelope.from_bytes(data, name=name)
    if envelope.cost is None:
        # Otherwise an encrypted file could be exchanged for a plain one, unnoticed by its owner.
        if passphrase is not None:
            raise KeyFileError(f"{name} is not encrypted although a passphrase was given; check that it is your file")
        return key_of(envelope.body, name=name)
    if passphrase is None:
        raise KeyFileError(f"{name} is encrypted; give its passphrase with --passphrase-file or when asked")
    cipher_key, commitment = split_keys(passphrase, envelope.cost, envelope.salt)
    if not hmac.compare_digest(commitment, envelope.commitment):
        raise KeyFileError(f"wrong passphrase for {name}; type it again")
    payload = decrypt(cipher_key, envelope.nonce, envelope.body, envelope.header_bytes())
    if payload is None:
        raise KeyFileError(f"{name} was altered although its passphrase is right; restore it from a copy")
    return key_of(payload, name=name)


def _read(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise KeyFileError(f"{path} is not a regular file; give a key file made with `spellock key new`")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {error.strerror}; check the path") from None
    except ValueError:
        raise KeyFileError("the path of the key file holds a null character; check the path") from None
    if len(data) > MAX_BYTES:
        raise KeyFileError(f"{path} is larger than {MAX_BYTES} bytes, too large for a key file")
    if os.name == "posix" and status.st_mode & 0o077:
        _log.warning("%s can be read by other users of this machine; run `chmod 600 %s`", path, path)
    return data
