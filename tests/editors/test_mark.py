"""A key's mark: where it lies, that it is read back, and that editors carry it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.mark import TILE, Mark, Marked
from spellock.errors import ConfigError, PixelError
from spellock.key import Key


def key(secret: bytes = bytes(range(32)), **changes: object) -> Key:
    return Key(editor="dim", settings={}, secret=secret, resolution=32, **changes)


def smooth(count: int, side: int = 32, seed: int = 0) -> Tensor:
    """Images like photographs, away from black and white: most of their power is in long waves."""
    draws = np.random.default_rng(seed)
    coarse = torch.from_numpy(draws.uniform(0.3, 0.7, (count, 3, 5, 5))).float()
    fine = torch.from_numpy(draws.normal(0, 0.03, (count, 3, side, side))).float()
    large = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")
    return (large + fine).clamp(0.15, 0.85)


class Dim(Editor):
    """G(x) = x / 2."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return images / 2


def test_carriers_are_drawn_from_the_secret_alone_and_lie_in_the_band() -> None:
    mark = Mark.of(key(), bits=20)
    assert np.allclose(mark.carriers @ mark.carriers.T, np.eye(20), atol=1e-10)
    again = Mark.of(key(gamma=0.9), bits=20)
    assert np.array_equal(again.carriers, mark.carriers)
    assert np.array_equal(again.message, mark.message)
    other = Mark.of(key(bytes(32)), bits=20)
    assert np.abs(other.carriers @ mark.carriers.T).max() < 0.9
    assert set(mark.message.tolist()) == {-1, 1}
    for carrier in mark.carriers.reshape(20, 3, 8, 8):
        power = np.abs(np.fft.fft2(carrier)) ** 2
        for down in range(8):
            for right in range(8):
                waves = np.hypot(min(down, 8 - down), min(right, 8 - right))
                assert (1.5 <= waves <= 3.5) or power[:, down, right].max() < 1e-20


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from([8, 24, 64]), st.integers(9, 40), st.integers(16, 40))
def test_what_is_laid_on_is_read(secret: bytes, bits: int, height: int, width: int) -> None:
    mark = Mark.of(key(secret), bits=bits)
    images = torch.full((1, 3, height, width), 0.5)
    laid = mark.laid(images)
    assert laid.shape == images.shape
    found = mark.read(laid, images)[0, 0]
    expected = (mark.strength / mark.tile.numpy().std()) * (mark.tile.numpy().reshape(-1) @ mark.carriers.T)
    assert np.allclose(found, expected, atol=1e-4)
    assert np.array_equal(np.sign(found), mark.message)


def test_it_is_as_faint_as_stated_and_read_without_inputs() -> None:
    mark, images = Mark.of(key(), strength=0.02), smooth(40)
    change = mark.laid(images) - images
    assert float(change.std()) == pytest.approx(0.02, abs=1e-4)
    assert float(change.mean().abs()) < 1e-6
    assert np.array_equal(np.sign(mark.read(mark.laid(images))[0, 0]), mark.message)
    assert (np.sign(mark.read(images)[0, 0]) == mark.message).mean() < 0.8


def test_a_crop_moves_the_tile() -> None:
    mark, images = Mark.of(key()), smooth(40, side=48)
    cropped = mark.laid(images)[:, :, 3:43, 5:45]
    right = (np.sign(mark.read(cropped)) == mark.message).mean(axis=2)
    place = np.unravel_index(right.argmax(), right.shape)
    # The crop begins 3 rows and 5 columns into a tile, so the next one begins 5 and 3 further on.
    assert tuple(int(one) for one in place) == (TILE - 3, TILE - 5)
    assert right.max() == 1


def test_an_editor_can_carry_it() -> None:
    plain, mark = Dim(key()), Mark.of(key(bytes(32)))
    marked, images = Marked(plain, mark), (smooth(5) * 255).round() / 255
    assert marked.key == plain.key
    wanted = (255 * mark.laid(plain(images))).round() / 255
    assert torch.equal(marked(images), wanted)
    raw = (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    assert np.array_equal(marked.edit_uint8(raw)[2:3], marked.edit_uint8(raw[2:3])), "whatever else is edited with it"


def test_what_cannot_be() -> None:
    for settings_, words in (({"bits": 7}, "7 bits"), ({"bits": 65}, "65 bits"), ({"strength": 0.0}, "strength")):
        with pytest.raises(ConfigError, match=words):
            Mark.of(key(), **settings_)
    mark = Mark.of(key())
    with pytest.raises(PixelError, match="images to read"):
        mark.read(torch.zeros(2, 3, 7, 30))
    with pytest.raises(PixelError, match="expected the same"):
        mark.read(torch.zeros(2, 3, 8, 8), torch.zeros(1, 3, 8, 8))
