"""Key files with unknown fields, absurd costs or loose payloads are refused before anything is computed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from spellock import keyfile
from spellock.errors import ConfigError
from spellock.keyfile import load_key
from spellock.keyfile_cipher import ScryptCost, split_keys
from spellock.keyfile_format import canonical

from .key_samples import PROMPT, a_key
from .keyfile_samples import CHEAP, PASSPHRASE, denied, refuse, save, with_fields


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "k")
    monkeypatch.setattr(Path, "open", denied)
    assert "Permission denied" in refuse(path)


def kdf_with(**changes: object) -> Callable[[dict[str, object]], dict[str, object]]:
    def change(fields: dict[str, object]) -> dict[str, object]:
        kdf = fields["kdf"]
        assert isinstance(kdf, dict)
        return {"kdf": {**kdf, "params": {**kdf["params"], **changes}}}

    return change


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: {"extra": 1},
        lambda fields: {PROMPT: PROMPT},
        lambda fields: {"kdf": {**fields["kdf"], "extra": 1}},
        lambda fields: {"kdf": {**fields["kdf"], "name": "pbkdf2"}},
        lambda fields: {"kdf": {**fields["kdf"], "name": "scrypt"}},
        lambda fields: {"kdf": {**fields["kdf"], "name": "none"}},
        lambda fields: {"kdf": {**fields["kdf"], "name": ["argon2id"]}},
        lambda fields: {"kdf": {**fields["kdf"], "params": []}},
        lambda fields: {"kdf": {**fields["kdf"], "salt": ""}},
        lambda fields: {"kdf": {**fields["kdf"], "salt": 5}},
        lambda fields: {"kdf": None},
        lambda fields: {"cipher": "none"},
        lambda fields: {"cipher": "AES-128-CBC"},
        lambda fields: {"cipher": None},
        lambda fields: {"nonce": ""},
        lambda fields: {"nonce": "é"},
        lambda fields: {"commitment": base64.b64encode(b"short").decode()},
        lambda fields: {"ciphertext": ""},
        lambda fields: {"ciphertext": base64.b64encode(b"short").decode()},
        lambda fields: {"ciphertext": [1]},
        kdf_with(extra=1),
        kdf_with(memory_kib=2**40),
        kdf_with(memory_kib=2**20 + 1),
        kdf_with(memory_kib=7),
        kdf_with(memory_kib=-8),
        kdf_with(memory_kib=8.0),
        kdf_with(memory_kib="8"),
        kdf_with(iterations=0),
        kdf_with(iterations=17),
        kdf_with(iterations=True),
        kdf_with(lanes=0),
        kdf_with(lanes=10**30),
        kdf_with(lanes=2),
    ],
)
def test_unknown_fields_and_absurd_costs_are_refused(
    tmp_path: Path, change: Callable[[dict[str, object]], dict[str, object]]
) -> None:
    path = save(tmp_path / "k")
    with_fields(path, **change(json.loads(path.read_bytes())))
    refuse(path)


@pytest.mark.parametrize(
    "params", [{"n": 2**21}, {"n": 3}, {"n": 1}, {"n": 2**20, "r": 16}, {"r": 17}, {"p": 5}, {"p": 0}]
)
def test_absurd_costs_of_scrypt_are_refused(params: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        ScryptCost(**params)
    ScryptCost(n=2**20, r=8)


def sealed(payload: bytes) -> bytes:
    """A well-made encrypted key file around any payload."""
    salt, nonce = bytes(16), bytes(12)
    cipher_key, commitment = split_keys(PASSPHRASE, CHEAP, salt)
    header = keyfile.Envelope(cost=CHEAP, salt=salt, nonce=nonce, commitment=commitment).header_bytes()
    body = AESGCM(cipher_key).encrypt(nonce, payload, header)
    return keyfile.Envelope(cost=CHEAP, salt=salt, nonce=nonce, commitment=commitment, body=body).to_bytes()


def test_payloads_are_strict(tmp_path: Path) -> None:
    path = tmp_path / "k"
    good = keyfile.payload_of(a_key())
    path.write_bytes(sealed(good))
    assert load_key(path, passphrase=PASSPHRASE) == a_key()
    values = a_key().to_dict()
    bad = [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 9000,
        good + b" ",
        good.rstrip(),
        good[:-1] + b"\n",
        good.replace(b" ", b"\t"),
    ]
    bad += [canonical({**values, **change}).ljust(1024) for change in ({"extra": PROMPT}, {"gamma": 2}, {"gamma": 1})]
    bad += [good.replace(b'"gamma": 0.5', spelled) for spelled in (b'"gamma": NaN', b'"gamma": 5e-1')]
    for payload in bad:
        path.write_bytes(sealed(payload))
        assert "no key" in refuse(path)
