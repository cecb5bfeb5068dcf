"""Encrypted weights that were altered, cut, rearranged or belong to another key: one sentence each, and no tensor."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spellock.errors import KeyFileError, ModelError
from spellock.weightlocks.encrypted_file import decrypt_file
from spellock.weightlocks.encrypted_tensors import read_encrypted

from .encrypted_samples import KEY, OTHER_KEY, a_small_one, refusal

CHUNK = 16 + 16  # bytes of a full sealed chunk


@pytest.mark.parametrize("hide_names", [False, True])
def test_every_altered_byte_is_noticed(tmp_path: Path, hide_names: bool) -> None:
    """Over prefix, header, tags and chunks: there is no byte that nothing guards."""
    path = a_small_one(tmp_path, hide_names=hide_names)
    good = path.read_bytes()
    with path.open("r+b", buffering=0) as out:
        for at, byte in enumerate(good):
            for mask in (1, 128, 255):
                os.pwrite(out.fileno(), bytes([byte ^ mask]), at)
                refusal(path)
            os.pwrite(out.fileno(), bytes([byte]), at)
    assert len(read_encrypted(path, KEY)) == 3


def test_every_truncation_and_any_addition_is_noticed(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    good = path.read_bytes()
    for data in (good + b"\0", good + good, b"\0" + good):
        path.write_bytes(data)
        refusal(path, kind=ModelError)
    path.write_bytes(good)
    for length in reversed(range(len(good))):
        os.truncate(path, length)
        refusal(path, kind=ModelError)


def chunk_starts(data: bytes) -> list[int]:
    """Where the three chunks of alpha, the three of beta and the one of the empty tensor begin."""
    start = len(data) - 16 - 2 * (40 + 3 * 16)
    return [start + at for at in (0, 32, 64, 88, 120, 152, 176)]


def test_chunks_cannot_change_places(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    good = path.read_bytes()
    starts = chunk_starts(good)
    for one, two in ((0, 1), (0, 3), (1, 4), (3, 4)):
        first, second = starts[one], starts[two]
        data = bytearray(good)
        data[first : first + CHUNK], data[second : second + CHUNK] = (
            good[second : second + CHUNK],
            good[first : first + CHUNK],
        )
        path.write_bytes(data)
        assert "was altered" in refusal(path, kind=ModelError)


def test_whole_tensors_cannot_change_places(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    good = path.read_bytes()
    first, second, end = (chunk_starts(good)[place] for place in (0, 3, 6))
    path.write_bytes(good[:first] + good[second:end] + good[first:second] + good[end:])
    assert "'alpha'" in refusal(path, kind=ModelError)


def test_names_cannot_change_places(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    data = path.read_bytes().replace(b"alpha", b"gamma").replace(b"beta", b"alfa")
    path.write_bytes(data)
    assert "header" in refusal(path, kind=ModelError)


def test_tensors_of_another_file_under_the_same_key_do_not_fit(tmp_path: Path) -> None:
    one, two = a_small_one(tmp_path, "one"), a_small_one(tmp_path, "two")
    start = chunk_starts(one.read_bytes())[0]
    one.write_bytes(one.read_bytes()[:start] + two.read_bytes()[start:])
    assert "was altered" in refusal(one, kind=ModelError)


def test_a_chunk_is_not_taken_for_the_last_one(tmp_path: Path) -> None:
    """What a shorter tensor would hold: the first chunk of alpha where the last should be."""
    path = a_small_one(tmp_path)
    with read_encrypted(path, KEY) as tensors:
        start = chunk_starts(path.read_bytes())[0]
        sealed = path.read_bytes()[start : start + CHUNK]
        assert tensors._cipher.open_chunk(0, 0, sealed, last=False) == bytes(range(16))
        assert tensors._cipher.open_chunk(0, 0, sealed, last=True) is None


def test_a_wrong_key_is_told_from_damage(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    assert "does not open" in refusal(path, OTHER_KEY, kind=KeyFileError)
    with pytest.raises(KeyFileError):
        decrypt_file(path, tmp_path / "new", OTHER_KEY)
    assert not (tmp_path / "new").exists()


def test_newer_versions_say_so(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    data = bytearray(path.read_bytes())
    for version, said in ((2, True), (2**31, True), (0, False)):
        data[8:12] = version.to_bytes(4, "little")
        path.write_bytes(data)
        assert ("newer spellock" in refusal(path, kind=ModelError)) is said


def test_damage_in_one_tensor_leaves_the_others(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    data = bytearray(path.read_bytes())
    data[chunk_starts(bytes(data))[4]] ^= 1
    path.write_bytes(data)
    with read_encrypted(path, KEY) as tensors:
        assert tensors["alpha"].tolist() == list(range(40))
        with pytest.raises(ModelError, match="'beta'"):
            tensors["beta"]
    with pytest.raises(ModelError, match="'beta'"):
        decrypt_file(path, tmp_path / "new", KEY)
    assert not (tmp_path / "new").exists()


def test_a_file_that_shrinks_while_it_is_open(tmp_path: Path) -> None:
    path = a_small_one(tmp_path)
    with read_encrypted(path, KEY) as tensors:
        os.truncate(path, 150)
        with pytest.raises(ModelError, match="cut short"):
            tensors["beta"]
