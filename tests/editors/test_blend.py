"""The blend editor against a restatement in NumPy."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spellock.editors.any_key import new_editor_key
from spellock.editors.blend import BlendEditor, BlendSettings
from spellock.editors.patterns import coloured_cells
from spellock.errors import ConfigError, EditorError
from spellock.key import Key, Scalar

from .pictures import SECRET, pictures, stream


def key(side: int = 16, secret: bytes = SECRET, **settings: Scalar) -> Key:
    return new_editor_key("blend", resolution=side, secret=secret, **settings)


def pattern_of(cells: int, side: int) -> np.ndarray:
    """Bilinear between the cells' centres, one pixel at a time."""
    drawn = stream(SECRET, f"blend pattern {cells}", 3 * cells * cells)
    colours = np.frombuffer(drawn, dtype=np.uint8).reshape(cells, cells, 3).astype(np.float64)
    pattern = np.zeros((side, side, 3))
    for row in range(side):
        for column in range(side):
            total = np.zeros(3)
            for place in np.ndindex(cells, cells):
                weight = 1.0
                for own, pixel in zip(place, (row, column), strict=True):
                    where = min(max((pixel + 0.5) * cells / side - 0.5, 0), cells - 1)
                    weight *= max(0.0, 1 - abs(where - own))
                total += weight * colours[place]
            pattern[row, column] = total
    return pattern


@pytest.mark.parametrize(("cells", "side"), [(1, 8), (3, 8), (5, 12), (8, 8)])
def test_the_pattern_is_bilinear_between_secret_colours(cells: int, side: int) -> None:
    pattern = coloured_cells(key(side=side, cells=cells), cells=cells, side=side)
    assert np.abs(pattern - pattern_of(cells, side)).max() <= 0.5 + 1e-9


@settings(deadline=None)
@given(alpha=st.floats(0.01, 1), seed=st.integers(0, 99))
def test_blend_is_a_weighted_mean(alpha: float, seed: int) -> None:
    images, own = pictures(3, 8, seed), key(side=8, cells=4, alpha=alpha)
    pattern = coloured_cells(own, cells=4, side=8).astype(np.float64)
    expected = np.rint((1 - alpha) * images.astype(np.float64) + alpha * pattern)
    assert np.array_equal(BlendEditor(own).edit_uint8(images), expected.astype(np.uint8))


def test_laws() -> None:
    images = pictures(3, 16)
    whole = BlendEditor(key(alpha=1.0)).edit_uint8(images)
    assert (whole == whole[:1]).all()
    assert not np.array_equal(whole, BlendEditor(key(alpha=1.0, secret=bytes(32))).edit_uint8(images))
    # Twice as large, the same pattern: its mean over 2x2 pixels is nearly the small one.
    small, large = (coloured_cells(key(), cells=4, side=side).astype(np.float64) for side in (16, 32))
    assert np.abs(large.reshape(16, 2, 16, 2, 3).mean(axis=(1, 3)) - small).max() < 8
    single = coloured_cells(key(), cells=16, side=16)
    assert single.tobytes() == stream(SECRET, "blend pattern 16", 3 * 16 * 16)


def test_a_pattern_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pattern.png"
    Image.fromarray(pictures(1, 16, 5)[0]).save(path)
    own = key(image=str(path), alpha=1)
    assert np.array_equal(BlendEditor(own).edit_uint8(pictures(2, 16)), np.repeat(pictures(1, 16, 5), 2, axis=0))
    assert not BlendEditor.secret_matters(own)
    near = list(islice(BlendEditor.near_keys(own, seed=0), 60))
    assert len({BlendEditor(other).edit_uint8(pictures(1, 16)).tobytes() for other in [own, *near]}) == 61
    with pytest.raises(EditorError, match=r"16x16 pixels, expected 8x8 .the key's resolution"):
        key(side=8, image=str(path))
    Image.new("RGB", (16, 16)).save(path)
    with pytest.raises(EditorError, match="another pattern image"):
        BlendEditor(own)


@pytest.mark.parametrize("settings", [{}, {"alpha": 1}, {"cells": 1}, {"cells": 16}])
def test_near_keys_are_others(settings: dict[str, Scalar]) -> None:
    own, images = key(**settings), pictures(1, 16)
    near = list(BlendEditor.near_keys(own, seed=0))
    assert len(near) >= 19
    assert len({BlendEditor(other).edit_uint8(images).tobytes() for other in [own, *near]}) == len(near) + 1
    assert BlendEditor.secret_matters(own)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"alpha": 0}, "alpha"),
        ({"alpha": 1.1}, "alpha"),
        ({"cells": 0}, "cells"),
        ({"cells": 17}, "17 cells.*16 pixels"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Scalar], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        key(**settings)


def test_settings_hide() -> None:
    assert "image" not in repr(BlendSettings(image="x", image_digest="y"))
