"""Key files for the tests, and how a refusal must read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from spellock.errors import KeyFileError
from spellock.key import Key
from spellock.keyfile import load_key, save_key
from spellock.keyfile_cipher import Argon2idCost, Cost, ScryptCost
from spellock.keyfile_format import canonical

from .key_samples import a_key, shows_nothing

PASSPHRASE = "correct horse battery"
CHEAP = Argon2idCost(iterations=1, lanes=1, memory_kib=8)
COSTS = [CHEAP, ScryptCost(n=2, r=1, p=1), None]


def save(path: Path, key: Key | None = None, *, cost: Cost | None = CHEAP, plain: bool = False) -> Path:
    passphrase = None if plain else PASSPHRASE
    save_key(key or a_key(), path, passphrase=passphrase, plain=plain, cost=cost, overwrite=True)
    return path


def refuse(path: Path, passphrase: str | None = PASSPHRASE) -> str:
    """The message with which ``path`` is refused; one sentence, exit code 2, no secrets, nothing secret behind it."""
    with pytest.raises(KeyFileError) as caught:
        load_key(path, passphrase=passphrase)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert message
    assert "\n" not in message
    for error in (caught.value, caught.value.__cause__):
        assert error is None or (shows_nothing(str(error)) and PASSPHRASE not in str(error))
    return message


def with_fields(path: Path, **changes: object) -> None:
    """Change fields of a key file and make its checksum right again, as someone with ill intent would."""
    fields = {**json.loads(path.read_bytes()), **changes}
    fields.pop("checksum")
    fields["checksum"] = hashlib.sha256(canonical(fields)).hexdigest()
    path.write_bytes(canonical(fields))


def denied(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")  # permissions themselves do not stop root, who may run the tests
