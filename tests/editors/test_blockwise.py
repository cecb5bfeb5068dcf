"""Keyed block transforms against a restatement that walks through the blocks one by one."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spellock.editors.blockwise import METHODS, BlockwiseEditor, ffx_table
from spellock.editors.permutation import keyed_permutation
from spellock.editors.registry import load_editor, settings_of
from spellock.errors import ConfigError, EditorError
from spellock.key import Key

from .test_format_preserving import restated as encrypted

Pixels = NDArray[np.uint8]
SECRET = bytes(range(7, 39))


def key(method: str = "shuffle", block: int = 4, *, side: int = 16, secret: bytes = SECRET, gamma: float = 1.0) -> Key:
    return Key(
        editor="blockwise", settings={"method": method, "block": block}, secret=secret, resolution=side, gamma=gamma
    )


def editor(*args: object, **kwargs: object) -> BlockwiseEditor:
    loaded = load_editor(key(*args, **kwargs))  # type: ignore[arg-type]
    assert isinstance(loaded, BlockwiseEditor)
    return loaded


def noise(count: int = 3, side: int = 16, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def hkdf(secret: bytes, purpose: str, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, spelled out."""
    pseudorandom = hmac.new(bytes(32), secret, hashlib.sha256).digest()
    done, last = b"", b""
    for number in range(1, 256):
        last = hmac.new(pseudorandom, last + purpose.encode() + bytes([number]), hashlib.sha256).digest()
        done += last
    return done[:length]


def order(secret: bytes, purpose: str, count: int) -> list[int]:
    stream = b"".join(hkdf(secret, f"{purpose}, part {number}", 8160) for number in range(count // 2000 + 2))
    words = [int.from_bytes(stream[start : start + 4], "big") for start in range(0, len(stream), 4)]
    values = list(range(count))
    for left in range(count, 1, -1):
        while (word := words.pop(0)) // left == 2**32 // left and 2**32 % left:
            pass  # the last, incomplete run of remainders
        values[left - 1], values[word % left] = values[word % left], values[left - 1]
    return values


def restated(image: Pixels, method: str, block: int, secret: bytes = SECRET) -> NDArray[np.float64]:
    """One edited image (R, R, 3) in levels, block by block and value by value."""
    side, count = len(image), 3 * block * block
    places = [(row, column) for row in range(0, side, block) for column in range(0, side, block)]
    edited = np.zeros(image.shape)
    if method == "scramble":
        for target, source in enumerate(order(secret, "blockwise block order", len(places))):
            (row, column), (old_row, old_column) = places[target], places[source]
            edited[row : row + block, column : column + block] = image[
                old_row : old_row + block, old_column : old_column + block
            ]
        return edited
    permutation = order(secret, f"blockwise {method} of {count} values", count)
    password = hkdf(secret, "blockwise ffx password", 32)
    table = [encrypted(password, level) for level in range(256)]
    for row, column in places:
        old = [
            int(image[row + down, column + across, channel])
            for down in range(block)
            for across in range(block)
            for channel in range(3)
        ]
        new: list[float] = []
        for place, value in enumerate(old):
            chosen = permutation[place] > count / 2
            if method == "shuffle":
                new.append(old[permutation[place]])
            elif method == "negative-positive":
                new.append(255 - value if chosen else value)
            else:
                new.append((table[value] if chosen else value) / max(table) * 255)
        edited[row : row + block, column : column + block] = np.reshape(new, (block, block, 3))
    return edited


@pytest.mark.parametrize("block", [2, 4, 8])
@pytest.mark.parametrize("method", METHODS)
def test_restated(method: str, block: int) -> None:
    images = noise()
    edited = editor(method, block).edit_uint8(images)
    expected = np.stack([restated(image, method, block) for image in images])
    if method == "ffx":
        assert np.abs(edited - expected).max() <= 0.5 + 1e-9
    else:
        assert np.array_equal(edited, expected)


@given(count=st.integers(1, 3000), seed=st.integers(0, 2**32))
@settings(max_examples=15, deadline=None)
def test_permutations_restated(count: int, seed: int) -> None:
    one = key(secret=hashlib.sha256(str(seed).encode()).digest())
    drawn = keyed_permutation(one, "any purpose", count).tolist()
    assert sorted(drawn) == list(range(count))
    assert drawn == order(bytes(one.secret), "any purpose", count)


def test_permutations_are_even() -> None:
    # 6 permutations in 1,200 draws: each 200 times, give or take; five standard deviations are 65.
    counts = Counter(tuple(keyed_permutation(key(), f"draw {number}", 3).tolist()) for number in range(1200))
    assert set(counts) == set(permutations(range(3)))
    assert all(135 <= count <= 265 for count in counts.values())


@pytest.mark.parametrize("method", ["shuffle", "scramble"])
@given(seed=st.integers(0, 1000), block=st.sampled_from([1, 2, 4, 8]))
@settings(max_examples=10, deadline=None)
def test_shuffles_keep_all_values(method: str, seed: int, block: int) -> None:
    images = noise(2, seed=seed)
    edited = editor(method, block).edit_uint8(images)
    assert np.array_equal(np.sort(edited.reshape(2, -1)), np.sort(images.reshape(2, -1)))


@given(seed=st.integers(0, 1000), block=st.sampled_from([1, 2, 4, 8]))
@settings(max_examples=10, deadline=None)
def test_negative_positive_is_its_own_inverse(seed: int, block: int) -> None:
    images = noise(2, seed=seed)
    negative = editor("negative-positive", block)
    assert np.array_equal(negative.edit_uint8(negative.edit_uint8(images)), images)


@pytest.mark.parametrize(("block", "expected"), [(2, 5), (4, 23), (8, 95)])
def test_number_of_changed_values(block: int, expected: int) -> None:
    # As published: values above n/2 of a permutation of 0..n-1.
    assert int(editor("negative-positive", block).chosen.sum()) == expected


def test_the_table_is_one_to_one_and_keyed() -> None:
    table = ffx_table(b"password")
    assert len(set(table.tolist())) == 256
    assert 0 <= int(table.min()) < int(table.max()) <= 999
    assert not torch.equal(table, ffx_table(b"passwore"))


@pytest.mark.parametrize("method", METHODS)
def test_the_secret_decides(method: str) -> None:
    images = noise()
    other = editor(method, secret=bytes(32)).edit_uint8(images)
    assert not np.array_equal(editor(method).edit_uint8(images), other)


@pytest.mark.parametrize(("method", "moves"), [("shuffle", True), ("scramble", True), ("ffx", False)])
def test_which_methods_move_pixels(method: str, moves: bool) -> None:
    assert editor(method).moves_pixels is moves


def test_near_keys_edit_otherwise() -> None:
    images = noise()
    own = editor("shuffle").edit_uint8(images)
    near = list(BlockwiseEditor.near_keys(key("shuffle"), seed=1))
    assert len(near) == 4 * 3 - 1
    assert all(not np.array_equal(load_editor(other).edit_uint8(images), own) for other in near)
    assert [dict(one.settings) for one in near] != [
        dict(one.settings) for one in BlockwiseEditor.near_keys(key("shuffle"), seed=2)
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"block": 3}, "resolution 16 is not a multiple of its block 3.*resolution 15"),
        ({"block": 32}, "resolution 16 is not a multiple of its block 32.*resolution 32"),
        ({"block": 0}, "block is out of range"),
        ({"block": 257}, "block is out of range"),
        ({"method": "rot13"}, "method is unknown, expected one of shuffle"),
        ({"method": "scramble", "block": 16}, "whole image.*smaller blocks"),
    ],
)
def test_bad_settings(changes: dict[str, str | int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_editor(key().with_settings(**changes))


def test_blocks_are_checked_when_the_key_is_made() -> None:
    with pytest.raises(ConfigError, match="not a multiple"):
        BlockwiseEditor.complete(key(block=5))
    assert BlockwiseEditor.complete(key()) == key()


def test_nothing_shows() -> None:
    assert "negative" not in repr(settings_of(key("negative-positive")))


def test_unknown_devices_are_refused() -> None:
    with pytest.raises(EditorError, match="'abacus' cannot be used"):
        load_editor(key(), device="abacus")
