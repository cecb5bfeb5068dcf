"""Encrypted weights: what comes back, what the layout is, what it costs, and that nothing is half-written."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tracemalloc
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spellock.errors import ConfigError, ModelError, StorageError
from spellock.weightlocks.encrypted_file import decrypt_file, encrypt_file
from spellock.weightlocks.encrypted_tensors import read_encrypted

from .encrypted_samples import KEY, SMALL, a_small_one
from .safetensors_samples import a_file, every_kind, same


@pytest.mark.parametrize("hide_names", [False, True])
@pytest.mark.parametrize("chunk_bytes", [1, 16, 48, 2**26])
def test_what_was_encrypted_comes_back_byte_for_byte(tmp_path: Path, chunk_bytes: int, hide_names: bool) -> None:
    plain = a_file(tmp_path / "plain")
    done = encrypt_file(plain, tmp_path / "enc", KEY, hide_names=hide_names, chunk_bytes=chunk_bytes)
    assert (done.path, done.tensors) == (tmp_path / "enc", len(every_kind()))
    assert decrypt_file(tmp_path / "enc", tmp_path / "back", KEY).nbytes == done.nbytes
    assert (tmp_path / "back").read_bytes() == plain.read_bytes()
    assert (tmp_path / "enc").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o600


@given(sizes=st.lists(st.integers(0, 40), max_size=4), chunk_bytes=st.integers(1, 50))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_sizes_come_back(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], chunk_bytes: int) -> None:
    folder = tmp_path_factory.mktemp("any")
    tensors = {f"t{i}": torch.arange(size, dtype=torch.int16) for i, size in enumerate(sizes)}
    encrypt_file(a_file(folder / "plain", tensors), folder / "enc", KEY, chunk_bytes=chunk_bytes)
    with read_encrypted(folder / "enc", KEY) as found:
        assert found.keys() == tensors.keys()
        assert all(same(found[name], tensor) for name, tensor in tensors.items())


@pytest.mark.parametrize("hide_names", [False, True])
def test_tensors_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hide_names: bool) -> None:
    encrypt_file(a_file(tmp_path / "plain"), tmp_path / "enc", KEY, chunk_bytes=64, hide_names=hide_names)
    read: list[int] = []
    preadv = os.preadv
    with read_encrypted(tmp_path / "enc", KEY) as tensors:
        assert tensors.names_hidden == hide_names
        assert tensors.metadata() == {"format": "pt", "note": "ä"}
        assert "KEY" not in repr(tensors)
        monkeypatch.setattr(os, "preadv", lambda fd, to, at: read.append(len(to[0])) or preadv(fd, to, at))
        assert same(tensors.get_tensor("long"), every_kind()["long"])
        # 200 bytes in four chunks, each with a tag, and nothing else.
        assert read == [80, 80, 80, 24]
        for name, tensor in every_kind().items():
            assert same(tensors[name], tensor), name
        tensors["long"].zero_()
        assert same(tensors["long"], every_kind()["long"])
        with pytest.raises(KeyError):
            tensors["lang"]
        with pytest.raises(ModelError, match="did you mean 'long'"):
            tensors.get_tensor("lang")
    with pytest.raises(ModelError, match="closed"):
        tensors["long"]


def hkdf(purpose: bytes, salt: bytes) -> bytes:
    info = b"spellock encrypted weights v1: " + purpose
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(bytes(range(32)))


@pytest.mark.parametrize("hide_names", [False, True])
def test_the_layout_is_as_documented(tmp_path: Path, hide_names: bool) -> None:
    data = a_small_one(tmp_path, hide_names=hide_names).read_bytes()
    magic, version, flags, chunk, size, file_id, commitment = struct.unpack("<8sIIQQ32s32s", data[:96])
    assert (magic, version, flags, chunk) == (b"SPELLENC", 1, int(hide_names), 16)
    assert commitment == hkdf(b"commitment", file_id)
    cipher, header, body = AESGCM(hkdf(b"cipher", file_id)), data[96 : 96 + size + 16], data[96 + size + 16 :]
    if hide_names:
        raw = cipher.decrypt(b"\xff" * 12, header, data[:96])
    else:
        raw = header[:-16]
        assert cipher.decrypt(b"\xff" * 12, header[-16:], data[:96] + raw) == b""
    assert json.loads(raw)["beta"] == {"dtype": "U8", "shape": [40], "data_offsets": [40, 80]}
    bound = hashlib.sha256(data[: 96 + size + 16]).digest()
    found = {}
    for number, (name, pieces) in enumerate({"alpha": [16, 16, 8], "beta": [16, 16, 8], "empty": [0]}.items()):
        found[name] = b""
        for i, piece in enumerate(pieces):
            nonce = number.to_bytes(4, "big") + i.to_bytes(7, "big") + bytes([i == len(pieces) - 1])
            found[name] += cipher.decrypt(nonce, body[: piece + 16], bound)
            body = body[piece + 16 :]
    assert not body
    assert found == {name: bytes(tensor.tolist()) for name, tensor in SMALL.items()}


def test_older_versions_of_cryptography_do_as_well(tmp_path: Path) -> None:
    class Older:
        def __init__(self, cipher: AESGCM) -> None:
            self.decrypt = cipher.decrypt

    path = a_small_one(tmp_path)
    with read_encrypted(path, KEY) as tensors:
        tensors._cipher._cipher = Older(tensors._cipher._cipher)  # type: ignore[assignment]
        assert all(same(tensors[name], tensor) for name, tensor in SMALL.items())
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(ModelError, match="'empty'"):
            tensors["empty"]


def test_threads_may_share_a_file(tmp_path: Path) -> None:
    encrypt_file(a_file(tmp_path / "plain"), tmp_path / "enc", KEY, chunk_bytes=16)
    with read_encrypted(tmp_path / "enc", KEY) as tensors, ThreadPoolExecutor(4) as pool:
        names = list(every_kind()) * 8
        assert all(
            same(got, every_kind()[name]) for name, got in zip(names, pool.map(tensors.get_tensor, names), strict=True)
        )


def test_nothing_readable_but_the_header(tmp_path: Path) -> None:
    shown, hidden = a_small_one(tmp_path), a_small_one(tmp_path, "hidden", hide_names=True)
    assert b"alpha" in shown.read_bytes()
    assert b"alpha" not in hidden.read_bytes()
    for path in (shown, hidden):
        for needle in (bytes(range(16)), bytes(range(40, 56)), bytes(KEY.secret)[:8]):
            assert needle not in path.read_bytes()
    assert a_small_one(tmp_path, "again").read_bytes()[200:] != shown.read_bytes()[200:]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    size = 24 * 2**20
    plain = a_file(tmp_path / "plain", {"t": torch.zeros(size, dtype=torch.uint8)})
    tracemalloc.start()
    encrypt_file(plain, tmp_path / "enc", KEY, chunk_bytes=2**20)
    decrypt_file(tmp_path / "enc", tmp_path / "back", KEY)
    assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    tracemalloc.reset_peak()
    with read_encrypted(tmp_path / "enc", KEY) as tensors:
        assert tensors["t"].numel() == size
    assert size <= tracemalloc.get_traced_memory()[1] < 1.5 * size
    tracemalloc.stop()


def test_an_existing_output_is_never_replaced(tmp_path: Path) -> None:
    enc = a_small_one(tmp_path)
    (tmp_path / "there").write_text("mine")
    with pytest.raises(StorageError, match="exists already"):
        encrypt_file(tmp_path / "small.safetensors", tmp_path / "there", KEY)
    with pytest.raises(StorageError, match="exists already"):
        decrypt_file(enc, tmp_path / "there", KEY)
    assert (tmp_path / "there").read_text() == "mine"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_an_interruption_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    enc = a_small_one(tmp_path)
    before = sorted(tmp_path.iterdir())

    def stop_midway(items: Iterable[bytes], **_: object) -> Iterator[bytes]:
        for count, item in enumerate(items):
            if count == 3:
                raise failure
            yield item

    monkeypatch.setattr("spellock.weightlocks.encrypted_file.track", stop_midway)
    expected = StorageError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        encrypt_file(tmp_path / "small.safetensors", tmp_path / "new", KEY, chunk_bytes=16)
    with pytest.raises(expected):
        decrypt_file(enc, tmp_path / "new", KEY)
    assert sorted(tmp_path.iterdir()) == before


def test_other_inputs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no weights at all")
    for path in (tmp_path / "text", tmp_path / "nothing", tmp_path):
        with pytest.raises(ModelError):
            encrypt_file(path, tmp_path / "new", KEY)
        with pytest.raises(ModelError):
            decrypt_file(path, tmp_path / "new", KEY)
    for chunk_bytes in (0, 2**26 + 1):
        with pytest.raises(ConfigError, match="expected 1 to"):
            encrypt_file(a_file(tmp_path / f"p{chunk_bytes}"), tmp_path / "new", KEY, chunk_bytes=chunk_bytes)
    assert not (tmp_path / "new").exists()
