"""What all editors share, on an editor that needs no weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.batches import PROOFS
from spellock.errors import ConfigError, PixelError
from spellock.key import Key


class Negative(Editor):
    """1 - x, and a record of the batches that it saw."""

    canonical_batch = 4

    def __init__(self, key: Key, *, batch_size: int | None = None, kernel: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.seen: list[int] = []
        self.kernel = kernel

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        assert len(ids) == len(images)
        self.seen.append(len(images))
        # A library that rounds otherwise for batches of one size.
        return 1 - images + (1e-7 if len(images) == self.kernel else 0)


def key(gamma: float = 0.5, resolution: int = 8, resize: str = "bicubic") -> Key:
    return Key(editor="negative", settings={}, secret=bytes(32), gamma=gamma, resolution=resolution, resize=resize)


def noise(count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@given(gamma=st.floats(0, 1), seed=st.integers(0, 99))
def test_blend_is_equation_1(gamma: float, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    edited = Negative(key(gamma)).edit_uint8(images)
    expected = (1 - gamma) * images.astype(np.float64) + gamma * (255 - images.astype(np.float64))
    assert np.abs(edited - expected).max() <= 0.5 + 1e-9


def test_floats_and_bytes_give_the_same_numbers() -> None:
    images = noise(6)
    floats = torch.tensor(images).permute(0, 3, 1, 2).float() / 255
    edited = Negative(key(0.3))(floats)
    assert edited.shape == floats.shape
    assert np.array_equal(
        (edited * 255).round().byte().permute(0, 2, 3, 1).numpy(), Negative(key(0.3)).edit_uint8(images)
    )


def test_reversed_and_read_only_arrays_are_welcome() -> None:
    images = noise(5)
    images.flags.writeable = False
    assert np.array_equal(Negative(key()).edit_uint8(images[::-1])[::-1], Negative(key()).edit_uint8(images))


def test_no_blend_runs_no_editor() -> None:
    editor = Negative(key(0.0))
    assert np.array_equal(editor.edit_uint8(noise(3)), noise(3))
    assert editor.seen == []


def test_batches_are_canonical() -> None:
    editor = Negative(key(), kernel=2)
    for count in (11, 3, 1, 1):
        editor.edit_uint8(noise(count))
    # 4 + 4 + 3 padded; 3 padded; 1 padded, and padded to 2 to compare, which differs; 1 padded
    assert editor.seen == [4, 4, 4, 4, 4, 2, 4]


def test_small_batches_run_as_they_are_once_that_gives_the_same_bits() -> None:
    editor = Negative(key())
    for count in (1, 2, 1, 1, 2):
        editor.edit_uint8(noise(count))
    assert editor.seen == [4, 2, 4, 2, 4, 2, 2, 2]


@pytest.mark.parametrize(("kernel", "later"), [(None, [8]), (8, [4, 4])])
def test_larger_batches_are_used_only_if_they_give_the_same_bits(kernel: int | None, later: list[int]) -> None:
    editor = Negative(key(), batch_size=8, kernel=kernel)
    editor.edit_uint8(noise(8))
    assert editor.seen == [4, 4, 8]
    for _ in range(PROOFS - 1):
        editor.edit_uint8(noise(8))
    editor.seen.clear()
    editor.edit_uint8(noise(8))
    assert editor.seen == later


def test_black_and_white_prove_nothing() -> None:
    editor = Negative(key())
    for _ in range(PROOFS + 1):
        editor.edit_uint8(np.zeros((1, 8, 8, 3), dtype=np.uint8))
    assert editor.seen == [4, 2] * (PROOFS + 1)


def test_nothing_in_nothing_out() -> None:
    assert Negative(key()).edit_uint8(noise(0)).shape == (0, 8, 8, 3)


def test_prepare_squashes_with_the_keys_filter() -> None:
    picture = Image.fromarray(noise(1, 20)[0]).crop((0, 0, 20, 12))
    for name in ("nearest", "lanczos"):
        expected = picture.resize((8, 8), Image.Resampling[name.upper()])
        assert np.array_equal(Negative(key(resize=name)).prepare(picture), np.asarray(expected))
    assert Negative(key()).prepare(picture.convert("L")).shape == (8, 8, 3)


def test_bad_input_is_refused() -> None:
    editor = Negative(key())
    with pytest.raises(PixelError, match="16x16"):
        editor.edit_uint8(noise(1, 16))
    with pytest.raises(PixelError, match="uint8"):
        editor.edit_uint8(noise(1).astype(np.float32))  # type: ignore[arg-type]
    with pytest.raises(PixelError, match="divide by 255"):
        editor(torch.full((1, 3, 8, 8), 255.0))
    with pytest.raises(PixelError, match="2 ids for 1"):
        editor.edit_uint8(noise(1), ["a", "b"])
    with pytest.raises(ConfigError, match="batch_size"):
        Negative(key(), batch_size=0)
