"""Key files: save, load, and give a new passphrase.

Every failure to open one is a `KeyFileError`, one sentence without anything of the key or the passphrase in it. The
layout is described in docs/keys.md.
"""

from __future__ import annotations

import os
from pathlib import Path

from spellock.artefacts import write_bytes
from spellock.errors import StorageError
from spellock.key import Key
from spellock.keyfile_cipher import Cost, default_cost
from spellock.keyfile_format import SPELL, Envelope, key_of, payload_of
from spellock.keyfile_seal import read_key_file, seal, unseal


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
    return _open(read_key_file(path, kind=SPELL), passphrase, name=str(path))


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
    return Envelope.from_bytes(read_key_file(path, kind=SPELL), name=str(path)).header()


def is_encrypted(path: Path) -> bool:
    """Whether a key file wants a passphrase; raises what `read_header` raises."""
    return read_header(path)["cipher"] != "none"


def refuse_existing(path: Path, *, overwrite: bool = False) -> None:
    """Raise `StorageError` where ``path`` is taken: a key that is overwritten locks its models for good."""
    if os.path.lexists(path) and not overwrite:
        raise StorageError(f"{path} exists already and a key cannot be got back; choose another name")


def _seal(key: Key, passphrase: str | None, *, plain: bool, cost: Cost | None) -> bytes:
    cost = default_cost() if cost is None and not plain else cost
    return seal(payload_of(key), passphrase, plain=plain, cost=cost, kind=SPELL)


def _open(data: bytes, passphrase: str | None, *, name: str) -> Key:
    return key_of(unseal(data, passphrase, name=name, kind=SPELL), name=name)
