"""The key file of encrypted weights."""

from __future__ import annotations

import copy
import json
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from spellock.errors import ConfigError, KeyFileError, StorageError
from spellock.keyfile_format import canonical
from spellock.keyfile_seal import seal
from spellock.weightlocks.file_key import KIND, FileKey, file_key_is_encrypted, load_file_key, save_file_key

from ..key_samples import a_key
from ..keyfile_samples import CHEAP, PASSPHRASE, save
from .encrypted_samples import KEY


@pytest.mark.parametrize("plain", [False, True])
def test_a_key_comes_back(tmp_path: Path, plain: bool) -> None:
    path, passphrase = tmp_path / "k", None if plain else PASSPHRASE
    save_file_key(KEY, path, passphrase=passphrase, plain=plain, cost=CHEAP if not plain else None)
    assert load_file_key(path, passphrase=passphrase) == KEY
    assert file_key_is_encrypted(path) is not plain
    assert path.stat().st_mode & 0o777 == 0o600
    assert (bytes(KEY.secret).hex().encode() in path.read_bytes()) is False
    with pytest.raises(StorageError, match="exists already"):
        save_file_key(KEY, path, passphrase=passphrase, plain=plain, cost=CHEAP if not plain else None)


def test_the_default_slow_hash_is_strong(tmp_path: Path) -> None:
    save_file_key(KEY, tmp_path / "k", passphrase=PASSPHRASE)
    kdf = json.loads((tmp_path / "k").read_bytes())["kdf"]
    assert kdf["name"] == "argon2id"
    assert kdf["params"]["memory_kib"] >= 19 * 1024


def test_every_altered_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "k"
    save_file_key(KEY, path, passphrase=PASSPHRASE, cost=CHEAP)
    good = path.read_bytes()
    for at in range(len(good)):
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        with pytest.raises(KeyFileError):
            load_file_key(path, passphrase=PASSPHRASE)


def test_refusals(tmp_path: Path) -> None:
    path = tmp_path / "k"
    save_file_key(KEY, path, passphrase=PASSPHRASE, cost=CHEAP)
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        load_file_key(path, passphrase="another one")
    with pytest.raises(KeyFileError, match="is encrypted"):
        load_file_key(path)
    with pytest.raises(KeyFileError, match="weights encrypt"):
        load_file_key(save(tmp_path / "spell", a_key()), passphrase=PASSPHRASE)
    with pytest.raises(KeyFileError, match="weights encrypt"):
        file_key_is_encrypted(tmp_path / "spell")


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b'{"secret": 1}', canonical({"secret": "00" * 31}), b"null"])
def test_other_payloads_are_refused(tmp_path: Path, payload: bytes) -> None:
    (tmp_path / "k").write_bytes(seal(payload, PASSPHRASE, plain=False, cost=CHEAP, kind=KIND))
    with pytest.raises(KeyFileError, match="holds no key"):
        load_file_key(tmp_path / "k", passphrase=PASSPHRASE)


def test_a_key_shows_nothing_and_is_random() -> None:
    assert repr(KEY) == "FileKey(secret=<hidden>)"
    assert FileKey.new() != FileKey.new()
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(ConfigError, match="pickle"):
            copied(KEY)
    for secret in (b"", bytes(31), "0" * 32):
        with pytest.raises(ConfigError, match="32 bytes"):
            FileKey(secret=secret)  # type: ignore[arg-type]


def test_derived_keys_are_hkdf() -> None:
    expected = HKDF(algorithm=SHA256(), length=32, salt=b"s", info=b"purpose").derive(bytes(range(32)))
    assert KEY.derive("purpose", b"s") == expected
    assert KEY.derive("purpose", b"t") != expected != KEY.derive("another", b"s")
