"""Key files that were altered, cut, misspelt or are something else: one sentence that gives nothing away."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spellock import keyfile, keyfile_cipher
from spellock.keyfile import load_key
from spellock.keyfile_cipher import split_keys
from spellock.keyfile_format import MAX_BYTES, canonical

from .key_samples import a_key
from .keyfile_samples import CHEAP, PASSPHRASE, refuse, save, with_fields


def test_every_altered_byte_is_noticed(file: tuple[Path, str | None]) -> None:
    path, passphrase = file
    good = path.read_bytes()
    with path.open("r+b", buffering=0) as out:
        for at, byte in enumerate(good):
            for mask in (1, 2, 4, 8, 16, 32, 64, 128, 255):
                os.pwrite(out.fileno(), bytes([byte ^ mask]), at)
                refuse(path, passphrase)
            os.pwrite(out.fileno(), bytes([byte]), at)
    assert load_key(path, passphrase=passphrase) == a_key()


def test_every_altered_byte_is_noticed_also_under_a_right_checksum(tmp_path: Path) -> None:
    """Header and ciphertext are guarded by the cipher, not only by a checksum that anyone can compute."""
    path = save(tmp_path / "k")
    good = json.loads(path.read_bytes())
    opened = 0
    for name in ("nonce", "commitment", "ciphertext"):
        data = base64.b64decode(good[name])
        for at in range(len(data)):
            changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            with_fields(path, **{name: base64.b64encode(changed).decode()})
            message = refuse(path)
            opened += "altered although" in message or "wrong passphrase" in message
    salt = base64.b64decode(good["kdf"]["salt"])
    path.write_bytes(canonical(good))
    with_fields(path, kdf={**good["kdf"], "salt": base64.b64encode(bytes([salt[0] ^ 1]) + salt[1:]).decode()})
    assert "wrong passphrase" in refuse(path)
    # All of them came past the checksum.
    assert opened == 12 + 32 + len(base64.b64decode(good["ciphertext"]))


def test_the_header_is_authenticated(tmp_path: Path) -> None:
    """Same passphrase, salt and commitment, another header: the cipher itself refuses."""
    path = save(tmp_path / "k")
    envelope = keyfile.Envelope.from_bytes(path.read_bytes(), name="k")
    cipher_key, _ = split_keys(PASSPHRASE, CHEAP, envelope.salt)
    other = envelope.header_bytes().replace(b'"version": 1', b'"version": 0')
    assert keyfile_cipher.decrypt(cipher_key, envelope.nonce, envelope.body, envelope.header_bytes()) is not None
    assert keyfile_cipher.decrypt(cipher_key, envelope.nonce, envelope.body, other) is None


def test_every_truncation_and_any_addition_is_noticed(file: tuple[Path, str | None]) -> None:
    path, passphrase = file
    good = path.read_bytes()
    for length in reversed(range(len(good))):
        os.truncate(path, length)
        refuse(path, passphrase)
    for more in (b"\n", b" ", b"\0", good, b"{}"):
        path.write_bytes(good + more)
        refuse(path, passphrase)
        path.write_bytes(more + good)
        refuse(path, passphrase)


RESPELLINGS: list[Callable[[dict[str, object]], bytes]] = [
    lambda fields: json.dumps(fields).encode(),
    lambda fields: json.dumps(fields, indent=1).encode() + b"\n",
    lambda fields: canonical(fields).replace(b"\n", b"\r\n"),
    lambda fields: canonical(fields).replace(b'"version": 1', b'"version": 1.0'),
    lambda fields: canonical(fields).replace(b'"version": 1', b'"version": true'),
    lambda fields: canonical(fields).replace(b'"version": 1', b'"version": 1,\n "version": 1'),
    lambda fields: canonical(fields).replace(b'"version"', b'"\\u0076ersion"'),
    lambda fields: b"\xef\xbb\xbf" + canonical(fields),
    lambda fields: canonical(fields).decode().encode("utf-16"),
    lambda fields: canonical({**fields, "checksum": str(fields["checksum"]).upper()}),
]


@pytest.mark.parametrize("respell", RESPELLINGS)
def test_the_same_content_in_another_spelling_is_refused(
    file: tuple[Path, str | None], respell: Callable[[dict[str, object]], bytes]
) -> None:
    path, passphrase = file
    good = path.read_bytes()
    fields = dict(reversed(json.loads(good).items()))
    altered = respell(fields)
    assert altered != good
    path.write_bytes(altered)
    refuse(path, passphrase)


def test_spare_bits_of_base64_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "k")
    salt = json.loads(path.read_bytes())["kdf"]["salt"]
    assert salt.endswith("==")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spare = salt[:-3] + alphabet[alphabet.index(salt[-3]) + 1] + "=="
    assert base64.b64decode(spare) == base64.b64decode(salt)
    with_fields(path, kdf={**json.loads(path.read_bytes())["kdf"], "salt": spare})
    assert "altered" in refuse(path)


def test_newer_versions_say_so(file: tuple[Path, str | None]) -> None:
    path, passphrase = file
    for version in (2, 99):
        with_fields(path, version=version)
        assert "newer spellock" in refuse(path, passphrase)
    for version in (0, -1, None, "1", "2", 2.0):
        with_fields(path, version=version)
        assert "newer spellock" not in refuse(path, passphrase)
    path.write_bytes(json.dumps({"format": "spellock-key", "version": 2, "novelty": []}).encode())
    assert "newer spellock" in refuse(path, passphrase)


def test_oversized_files_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "k"
    with path.open("wb") as out:
        out.truncate(2**40)  # sparse: reading all of it would take the machine down
    assert "too large" in refuse(path)
    path.write_bytes(save(tmp_path / "good").read_bytes() + b" " * MAX_BYTES)
    assert "too large" in refuse(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b'"x"',
        b"\xff\xfe",
        b"[" * 60_000,
        b"1" * 5000,
        b'{"format": "other"}',
        b"{" * 9,
    ],
    ids=repr,
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)
    refuse(tmp_path / "k")
    refuse(tmp_path / "k", None)


def test_paths_that_are_no_files_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refuse(tmp_path / "nothing")
    assert "regular file" in refuse(tmp_path)
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "fifo")
        assert "regular file" in refuse(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refuse(tmp_path / "loop")
