"""Key files: what goes in comes out, fresh, unreadable and for the owner only."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.errors import ConfigError, KeyFileError, StorageError
from spellock.key import Key
from spellock.keyfile import is_encrypted, load_key, read_header, rekey, save_key
from spellock.keyfile_cipher import Argon2idCost, Cost, ScryptCost, default_cost
from spellock.keyfile_format import canonical

from .key_samples import PROMPT, SECRET, a_key, keys, shows_nothing
from .keyfile_samples import CHEAP, COSTS, PASSPHRASE, refuse, save


@pytest.mark.parametrize("plain", [False, True])
@given(key=keys, passphrase=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
@settings(max_examples=40, deadline=None)
def test_what_is_saved_is_loaded(
    tmp_path_factory: pytest.TempPathFactory, plain: bool, key: Key, passphrase: str
) -> None:
    path = tmp_path_factory.mktemp("key") / "key.spell"
    given_passphrase = None if plain else passphrase
    save_key(key, path, passphrase=given_passphrase, plain=plain, cost=CHEAP)
    again = load_key(path, passphrase=given_passphrase)
    assert canonical(again.to_dict()) == canonical(key.to_dict())
    assert is_encrypted(path) is not plain


@pytest.mark.parametrize("cost", COSTS)
def test_every_slow_hash_opens_its_file(tmp_path: Path, cost: Cost | None) -> None:
    assert load_key(save(tmp_path / "k", cost=cost), passphrase=PASSPHRASE) == a_key()


def test_the_file_is_made_as_the_page_says(tmp_path: Path) -> None:
    """An independent reader, written from docs/keys.md."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
    from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

    fields = json.loads(save(tmp_path / "k").read_bytes())
    checksum, body = fields.pop("checksum"), base64.b64decode(fields["ciphertext"])
    spelled = (json.dumps(fields, sort_keys=True, indent=1) + "\n").encode()
    assert checksum == hashlib.sha256(spelled).hexdigest()
    del fields["ciphertext"]
    slow = Argon2id(salt=base64.b64decode(fields["kdf"]["salt"]), length=32, iterations=1, lanes=1, memory_cost=8)
    master = slow.derive(PASSPHRASE.encode())
    split = {
        name: HKDFExpand(hashes.SHA256(), 32, b"spellock key file v1: " + name.encode()).derive(master)
        for name in ("cipher", "commitment")
    }
    assert fields["commitment"] == base64.b64encode(split["commitment"]).decode()
    header = (json.dumps(fields, sort_keys=True, indent=1) + "\n").encode()
    payload = AESGCM(split["cipher"]).decrypt(base64.b64decode(fields["nonce"]), body, header)
    assert len(payload) % 1024 == 0
    assert json.loads(payload) == a_key().to_dict()


def test_the_default_slow_hash_is_strong(tmp_path: Path) -> None:
    kdf = read_header(save(tmp_path / "k", cost=None))["kdf"]
    assert isinstance(kdf, dict)
    assert kdf["name"] == "argon2id"
    # OWASP's minimum is 19 MiB in 2 passes.
    assert kdf["params"]["memory_kib"] >= 19 * 1024
    assert kdf["params"]["iterations"] >= 2
    assert 128 * ScryptCost().n * ScryptCost().r >= 128 * 2**20


@pytest.mark.parametrize("failure", [UnsupportedAlgorithm("no"), ImportError("no")])
def test_without_argon2_scrypt_is_used_and_argon2_files_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    path = save(tmp_path / "k")

    def missing(self: Argon2idCost, passphrase: bytes, salt: bytes) -> bytes:
        raise failure

    monkeypatch.setattr(Argon2idCost, "derive", missing)
    assert default_cost() == ScryptCost()
    assert "upgrade cryptography" in refuse(path)


def test_salt_nonce_and_ciphertext_are_fresh_every_time(tmp_path: Path) -> None:
    one, two = (json.loads(save(tmp_path / name).read_bytes()) for name in "ab")
    assert one["kdf"]["salt"] != two["kdf"]["salt"]
    for name in ("nonce", "ciphertext", "commitment"):
        assert one[name] != two[name]


def test_the_file_holds_nothing_readable(tmp_path: Path) -> None:
    text = save(tmp_path / "k").read_text()
    assert shows_nothing(text)
    decoded = base64.b64decode(json.loads(text)["ciphertext"])
    for needle in (PROMPT.encode(), SECRET, SECRET.hex().encode(), b"prompt"):
        assert needle not in decoded
    for name in ("sha256", "md5", "sha1"):
        for secret in (PROMPT.encode(), SECRET, PASSPHRASE.encode()):
            digest = hashlib.new(name, secret)
            assert digest.hexdigest() not in text
            assert digest.digest() not in decoded


def test_the_size_does_not_tell_the_length_of_a_prompt(tmp_path: Path) -> None:
    sizes = {
        save(tmp_path / "k", a_key().with_settings(prompt="x" * n), cost=ScryptCost(n=2, r=1, p=1)).stat().st_size
        for n in (1, 17, 200)
    }
    assert len(sizes) == 1


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_only_the_owner_may_read(file: tuple[Path, str | None]) -> None:
    previous = os.umask(0)
    try:
        assert file[0].stat().st_mode & 0o777 == 0o600
        rekey(file[0], passphrase=file[1], new_passphrase="another passphrase", cost=CHEAP)
    finally:
        os.umask(previous)
    assert file[0].stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_may_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = save(tmp_path / "k")
    with caplog.at_level(logging.DEBUG):
        load_key(path, passphrase=PASSPHRASE)
        assert not caplog.records
        path.chmod(0o644)
        load_key(path, passphrase=PASSPHRASE)
    assert "chmod 600" in caplog.text
    assert shows_nothing(caplog.text)
    assert PASSPHRASE not in caplog.text


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("precious")
    with pytest.raises(StorageError, match="exists"):
        save_key(a_key(), path, passphrase=PASSPHRASE, cost=CHEAP)
    assert path.read_text() == "precious"
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StorageError, match="exists"):
        save_key(a_key(), link, passphrase=PASSPHRASE, cost=CHEAP)
    save_key(a_key(), path, passphrase=PASSPHRASE, cost=CHEAP, overwrite=True)
    assert load_key(path, passphrase=PASSPHRASE) == a_key()


def test_encryption_is_left_out_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "k"
    with pytest.raises(ConfigError, match="no passphrase"):
        save_key(a_key(), path, passphrase=None)
    with pytest.raises(ConfigError, match="drop"):
        save_key(a_key(), path, passphrase=PASSPHRASE, plain=True)
    for unusable in ("", "x" * 1025, "\ud800abcdefgh"):
        with pytest.raises(KeyFileError):
            save_key(a_key(), path, passphrase=unusable, cost=CHEAP)
    assert not list(tmp_path.iterdir())


def test_a_key_too_large_for_a_file_is_refused(tmp_path: Path) -> None:
    big = a_key(settings={f"s{i}": "x" * 8192 for i in range(8)})
    with pytest.raises(ConfigError, match="shorten"):
        save_key(big, tmp_path / "k", passphrase=PASSPHRASE, cost=CHEAP)
    assert not list(tmp_path.iterdir())


def test_wrong_or_missing_passphrases(tmp_path: Path) -> None:
    path = save(tmp_path / "k")
    for wrong in ("correct horse battery ", "Correct horse battery", "x", "x" * 1024):
        assert "wrong passphrase" in refuse(path, wrong)
    for unusable in ("", "x" * 1025, "\ud800"):
        refuse(path, unusable)
    assert "encrypted" in refuse(path, None)
    plain = save(tmp_path / "p", plain=True)
    assert "not encrypted" in refuse(plain, PASSPHRASE)


def test_one_passphrase_however_its_accents_are_composed(tmp_path: Path) -> None:
    save_key(a_key(), tmp_path / "k", passphrase="schlüssel é", cost=CHEAP)
    assert load_key(tmp_path / "k", passphrase="schlu\u0308ssel e\u0301") == a_key()
