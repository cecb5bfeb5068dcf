"""The key of encrypted weights: 256 random bits, kept in a key file of their own kind.

The weights are encrypted under these bits and the key file under the passphrase, so nothing in the weights' file can be
used to try passphrases on.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from spellock.artefacts import write_bytes
from spellock.errors import ConfigError, KeyFileError
from spellock.hidden import HiddenBytes
from spellock.keyfile import refuse_existing
from spellock.keyfile_cipher import Cost, default_cost
from spellock.keyfile_format import Envelope, Kind, canonical
from spellock.keyfile_seal import read_key_file, seal, unseal
from spellock.passphrase import ask_passphrase, read_passphrase_file

KIND: Final = Kind(format="spellock-weights-key", made_with="spellock weights encrypt")
SECRET_BYTES: Final = 32


@dataclass(frozen=True, kw_only=True, repr=False)
class FileKey:
    """What opens encrypted weights. One key may serve many files: each is encrypted under a key derived for it alone.

    Attributes:
        secret: 32 random bytes; take parts of it with `derive` only.

    Neither `repr` nor a traceback shows it, and it cannot be pickled.

    Raises:
        ConfigError: the secret is not 32 bytes.
    """

    secret: bytes

    def __post_init__(self) -> None:
        if not isinstance(self.secret, bytes) or len(self.secret) != SECRET_BYTES:
            raise ConfigError(f"the key's secret is not {SECRET_BYTES} bytes; make a key with FileKey.new()")
        object.__setattr__(self, "secret", HiddenBytes(self.secret))

    @classmethod
    def new(cls) -> FileKey:
        """A fresh key from the system's random numbers."""
        return cls(secret=secrets.token_bytes(SECRET_BYTES))

    def derive(self, purpose: str, salt: bytes) -> bytes:
        """32 bytes made of the secret, ``purpose`` and ``salt``: HKDF-SHA256 (RFC 5869)."""
        return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose.encode()).derive(bytes(self.secret))

    def __repr__(self) -> str:
        return "FileKey(secret=<hidden>)"

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigError("got a key to pickle, which would write its secret in the clear; use save_file_key")


def save_file_key(
    key: FileKey, path: Path, *, passphrase: str | None, plain: bool = False, cost: Cost | None = None
) -> None:
    """Write ``key`` to the new file ``path``, mode 0600, complete or not at all.

    Args:
        key: the key.
        path: the new file; a key file is never replaced.
        passphrase: encrypts the file; None only together with ``plain``.
        plain: write the key unencrypted. Whoever reads the file has the key.
        cost: the slow hash; None takes the recommended one. Cheaper ones are for tests.

    Raises:
        ConfigError: ``passphrase`` and ``plain`` contradict each other.
        KeyFileError: the passphrase is empty, too long or not valid text.
        StorageError: the file exists, or cannot be written.
    """
    path = Path(path)
    refuse_existing(path)
    cost = default_cost() if cost is None and not plain else cost
    write_bytes(path, seal(_payload(key), passphrase, plain=plain, cost=cost, kind=KIND), mode=0o600)


def load_file_key(path: Path, *, passphrase: str | None = None) -> FileKey:
    """Read a key file; ``passphrase`` is None for an unencrypted one.

    Raises:
        KeyFileError: the file is missing, unreadable, of another kind or a newer version, altered or cut short, the
            passphrase is wrong or missing, or one is given and the file is not encrypted.
    """
    path = Path(path)
    payload = unseal(read_key_file(path, kind=KIND), passphrase, name=str(path), kind=KIND)
    broken = KeyFileError(f"{path} holds no key that this version can use; upgrade spellock or restore it from a copy")
    try:
        secret = json.loads(payload)["secret"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise broken from None
    if not isinstance(secret, str) or not re.fullmatch(r"[0-9a-f]{64}", secret):
        raise broken
    key = FileKey(secret=bytes.fromhex(secret))
    if payload != _payload(key):
        raise broken
    return key


def file_key_is_encrypted(path: Path) -> bool:
    """Whether the key file wants a passphrase.

    Raises:
        KeyFileError: it is missing, of another kind or a newer version, altered or cut short.
    """
    path = Path(path)
    return Envelope.from_bytes(read_key_file(path, kind=KIND), name=str(path), kind=KIND).cost is not None


def open_file_key(path: Path, *, passphrase_file: Path | None = None, flag: str = "--passphrase-file") -> FileKey:
    """`load_file_key` with the passphrase from ``passphrase_file`` or else asked for at the terminal.

    Raises:
        KeyFileError: the file does not open, or there is no passphrase to be had; ``flag`` is what then helps.
    """
    if passphrase_file is not None:
        return load_file_key(path, passphrase=read_passphrase_file(passphrase_file))
    return load_file_key(path, passphrase=ask_passphrase(path, flag=flag) if file_key_is_encrypted(path) else None)


def _payload(key: FileKey) -> bytes:
    return canonical({"secret": bytes(key.secret).hex()})
