"""Encrypting a key file anew, what its header says, and folders that cannot be written."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from spellock import keyfile
from spellock.errors import ConfigError, KeyFileError, StorageError
from spellock.keyfile import is_encrypted, load_key, read_header, rekey

from .key_samples import a_key, shows_nothing
from .keyfile_samples import CHEAP, PASSPHRASE, denied, refuse, save


def test_rekey(tmp_path: Path) -> None:
    path = save(tmp_path / "k")
    before = path.read_bytes()
    rekey(path, passphrase=PASSPHRASE, new_passphrase="another passphrase", cost=CHEAP)
    assert load_key(path, passphrase="another passphrase") == a_key()
    assert "wrong passphrase" in refuse(path, PASSPHRASE)
    assert json.loads(before)["kdf"]["salt"] != json.loads(path.read_bytes())["kdf"]["salt"]
    rekey(path, passphrase="another passphrase", new_passphrase=None, plain=True)
    assert load_key(path) == a_key()
    rekey(path, passphrase=None, new_passphrase=PASSPHRASE, cost=CHEAP)
    assert load_key(path, passphrase=PASSPHRASE) == a_key()
    assert [entry.name for entry in tmp_path.iterdir()] == ["k"]


def test_rekey_follows_links(tmp_path: Path) -> None:
    target = save(tmp_path / "target")
    link = tmp_path / "link"
    link.symlink_to(target)
    rekey(link, passphrase=PASSPHRASE, new_passphrase="another passphrase", cost=CHEAP)
    assert link.is_symlink()
    assert load_key(target, passphrase="another passphrase") == a_key()


def test_the_old_file_survives_every_failure_of_rekey(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "k")
    before = path.read_bytes()

    def unharmed() -> bool:
        return path.read_bytes() == before and [entry.name for entry in tmp_path.iterdir()] == ["k"]

    with pytest.raises(KeyFileError):
        rekey(path, passphrase="wrong", new_passphrase="another passphrase", cost=CHEAP)
    with pytest.raises(KeyFileError):
        rekey(path, passphrase=PASSPHRASE, new_passphrase="", cost=CHEAP)
    with pytest.raises(ConfigError):
        rekey(path, passphrase=PASSPHRASE, new_passphrase=None, cost=CHEAP)
    assert unharmed()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, full)
            with pytest.raises(StorageError, match="No space left"):
                rekey(path, passphrase=PASSPHRASE, new_passphrase="another passphrase", cost=CHEAP)
        assert unharmed()
    with monkeypatch.context() as patch:
        patch.setattr(keyfile, "payload_of", lambda key: keyfile_payload(a_key(gamma=0.1)))
        with pytest.raises(StorageError, match="would not open"):
            rekey(path, passphrase=PASSPHRASE, new_passphrase="another passphrase", cost=CHEAP)
    assert unharmed()


keyfile_payload = keyfile.payload_of


def test_no_permission_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "mkstemp", denied)
    with pytest.raises(StorageError, match="Permission denied"):
        save(tmp_path / "k")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        save(tmp_path / "none" / "k")


def test_the_header_says_nothing_of_the_key(file: tuple[Path, str | None]) -> None:
    header = read_header(file[0])
    assert sorted(header) == ["cipher", "commitment", "format", "kdf", "nonce", "version"]
    assert shows_nothing(json.dumps(header))
    assert is_encrypted(file[0]) is (file[1] is not None)
    assert shows_nothing(repr(keyfile.Envelope.from_bytes(file[0].read_bytes(), name="k")))
