"""Key files: what goes in comes out, and whatever is wrong with one is told in a sentence that gives nothing away."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock import keyfile, keyfile_cipher
from spellock.errors import ConfigError, KeyFileError, StorageError
from spellock.key import Key
from spellock.keyfile import is_encrypted, load_key, read_header, rekey, save_key
from spellock.keyfile_cipher import Argon2idCost, Cost, ScryptCost, default_cost, split_keys
from spellock.keyfile_format import MAX_BYTES, canonical

from .key_samples import PROMPT, SECRET, a_key, keys, shows_nothing

PASSPHRASE = "correct horse battery"
CHEAP = Argon2idCost(iterations=1, lanes=1, memory_kib=8)
COSTS = [CHEAP, ScryptCost(n=2, r=1, p=1), None]


def save(path: Path, key: Key | None = None, *, cost: Cost | None = CHEAP, plain: bool = False) -> Path:
    passphrase = None if plain else PASSPHRASE
    save_key(key or a_key(), path, passphrase=passphrase, plain=plain, cost=cost, overwrite=True)
    return path


@pytest.fixture(params=[False, True], ids=["encrypted", "plain"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str | None]:
    """A key file of either kind, and what opens it."""
    return save(tmp_path / "key.spell", plain=request.param), None if request.param else PASSPHRASE


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


def denied(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")  # permissions themselves do not stop root, who may run the tests


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
