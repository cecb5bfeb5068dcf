"""Photo filters: published pixels, the CSS formulas without rounding, and laws of the blend modes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from spellock.editors.blend_modes import BLEND_MODES, composite, tone
from spellock.editors.filter_layers import Linear, Radial, draw_mask
from spellock.editors.filter_table import FILTERS
from spellock.editors.photo_filter import PhotoFilterEditor
from spellock.editors.registry import load_editor, settings_of
from spellock.errors import ConfigError
from spellock.key import Key

#: What pilgram 2.0.0 makes of `chart()`: the pixels in row 3, column 12 and in row 9, column 5, and the sum of all.
PUBLISHED = {
    "1977": ((255, 65, 112), (135, 189, 189), 121443),
    "aden": ((210, 70, 122), (113, 158, 137), 106550),
    "brannan": ((187, 69, 89), (156, 173, 151), 114559),
    "brooklyn": ((222, 78, 88), (108, 195, 176), 111683),
    "clarendon": ((255, 25, 55), (49, 176, 169), 94520),
    "earlybird": ((176, 51, 47), (143, 179, 141), 90054),
    "gingham": ((233, 104, 147), (140, 199, 188), 123789),
    "hudson": ((195, 53, 73), (83, 153, 166), 90280),
    "inkwell": ((100, 100, 100), (161, 161, 161), 111405),
    "kelvin": ((255, 59, 20), (155, 183, 116), 105655),
    "lark": ((224, 65, 87), (100, 172, 179), 104747),
    "lofi": ((255, 8, 28), (56, 169, 146), 89305),
    "maven": ((173, 74, 48), (90, 150, 117), 86021),
    "mayfair": ((213, 26, 37), (99, 175, 162), 88294),
    "moon": ((105, 105, 105), (167, 167, 167), 120228),
    "nashville": ((235, 57, 96), (92, 168, 148), 101193),
    "perpetua": ((192, 49, 64), (87, 157, 133), 91556),
    "reyes": ((185, 103, 101), (149, 175, 159), 114038),
    "rise": ((180, 74, 75), (132, 171, 145), 96900),
    "slumber": ((168, 59, 57), (105, 148, 125), 94702),
    "stinson": ((200, 86, 93), (124, 167, 158), 109820),
    "toaster": ((230, 50, 69), (158, 182, 148), 106817),
    "valencia": ((201, 56, 80), (107, 168, 148), 102162),
    "walden": ((255, 80, 140), (100, 188, 161), 114774),
    "willow": ((109, 104, 104), (158, 152, 151), 99893),
    "xpro2": ((158, 26, 25), (95, 143, 121), 81344),
}


def key(name: str = "nashville", *, side: int = 16) -> Key:
    return Key(editor="photo_filter", settings={"name": name}, secret=bytes(32), resolution=side, gamma=1.0)


def edit(images: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    return load_editor(key(name, side=images.shape[1])).edit_uint8(images)


def chart() -> NDArray[np.uint8]:
    steps = np.arange(16)
    red, green = np.broadcast_to(steps * 17, (16, 16)), np.broadcast_to(steps[:, None] * 17, (16, 16))
    return np.stack([red, green, (37 * steps[:, None] * steps + 11) % 256], axis=-1).astype(np.uint8)


def noise(side: int = 24, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (2, side, side, 3), dtype=np.uint8)


def test_the_table_is_whole() -> None:
    assert set(FILTERS) == set(PUBLISHED)
    assert len(FILTERS) == 26


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_pixels(name: str) -> None:
    first, second, total = PUBLISHED[name]
    edited = edit(chart()[None], name)[0]
    assert tuple(edited[3, 12]) == first
    assert tuple(edited[9, 5]) == second
    assert edited.sum() == total


@pytest.mark.parametrize("name", PUBLISHED)
def test_pilgram_where_it_is_installed(name: str) -> None:
    pilgram = pytest.importorskip("pilgram")
    images = noise(50)
    published = getattr(pilgram, "_1977" if name == "1977" else name)
    expected = np.stack([np.asarray(published(Image.fromarray(image))) for image in images])
    assert np.array_equal(edit(images, name), expected)


def nashville(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """The CSS definition on colours in [0, 1], without 8-bit steps in between; each function clips, as CSS says."""
    image = 0.44 * image + 0.56 * np.minimum(image, np.array([247, 176, 153]) / 255)
    image = 0.6 * image + 0.4 * np.maximum(image, np.array([0, 70, 150]) / 255)
    sepia = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    image = (0.8 * image + 0.2 * image @ sepia.T).clip(0, 1)
    image = ((image - 0.5) * 1.2 + 0.5).clip(0, 1)
    image = (image * 1.05).clip(0, 1)
    grey = image @ np.array([0.213, 0.715, 0.072])
    return (grey[..., None] + 1.2 * (image - grey[..., None])).clip(0, 1)


def test_nashville_without_rounding() -> None:
    images = noise()
    difference = edit(images, "nashville") - nashville(images / 255) * 255
    # Bytes cut off at every step darken a little, and contrast and saturation enlarge that.
    assert np.abs(difference).max() <= 8
    assert np.abs(difference).mean() <= 2.5


FORMULAS = {
    "multiply": lambda b, s: b * s,
    "screen": lambda b, s: b + s - b * s,
    "darken": np.minimum,
    "lighten": np.maximum,
    "exclusion": lambda b, s: b + s - 2 * b * s,
    "hard_light": lambda b, s: np.where(s <= 0.5, b * 2 * s, b + (2 * s - 1) * (1 - b)),
    "overlay": lambda b, s: np.where(b <= 0.5, s * 2 * b, s + (2 * b - 1) * (1 - s)),
    "soft_light": lambda b, s: np.where(
        s <= 0.5,
        b - (1 - 2 * s) * b * (1 - b),
        b + (2 * s - 1) * (np.where(b <= 0.25, ((16 * b - 12) * b + 4) * b, np.sqrt(b)) - b),
    ),
    "color_burn": lambda b, s: np.where(
        b == 1, 1, np.where(s == 0, 0, 1 - np.minimum(1, (1 - b) / np.maximum(s, 1e-9)))
    ),
    "color_dodge": lambda b, s: np.where(b == 0, 0, np.where(s == 1, 1, np.minimum(1, b / np.maximum(1 - s, 1e-9)))),
}


@pytest.mark.parametrize("mode", FORMULAS)
def test_blend_modes_for_all_pairs_of_levels(mode: str) -> None:
    backdrop, source = torch.meshgrid(torch.arange(256).int(), torch.arange(256).int(), indexing="ij")
    blended = BLEND_MODES[mode](backdrop[None, None], source[None, None])[0, 0].numpy()
    expected = 255 * FORMULAS[mode](backdrop.numpy() / 255, source.numpy() / 255)
    assert blended.min() >= 0
    assert blended.max() <= 255
    assert np.abs(blended - expected).max() <= 2


@given(seed=st.integers(0, 1000))
@settings(max_examples=15, deadline=None)
def test_hue_and_color_keep_the_luminosity(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    backdrop, source = (torch.randint(0, 256, (1, 3, 8, 8), generator=generator).int() for _ in range(2))
    weights = torch.tensor([0.3, 0.59, 0.11]).view(1, 3, 1, 1)
    for mode in ("hue", "color"):
        blended = BLEND_MODES[mode](backdrop, source)
        assert ((blended - backdrop) * weights).sum(1).abs().max() <= 3


@given(level=st.integers(0, 255), amount=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_greys_stay_grey(level: int, amount: float) -> None:
    grey = torch.full((1, 3, 4, 4), level).int()
    for kind, value in (("saturate", 2 * amount), ("grayscale", amount), ("hue_rotate", 360 * amount)):
        assert (tone(grey, kind, value) - grey).abs().max() <= 1


def test_tones_that_change_nothing() -> None:
    images = torch.from_numpy(noise()).permute(0, 3, 1, 2).int()
    for kind, amount in (("contrast", 1), ("brightness", 1), ("saturate", 1), ("sepia", 0), ("hue_rotate", 0)):
        assert torch.equal(tone(images, kind, amount), images)


def test_masks() -> None:
    fall = draw_mask(Linear(), 32)
    assert bool((fall[:, 0] > 240).all())
    assert bool((fall[:, -1] < 15).all())
    assert torch.equal(draw_mask(Linear(horizontal=False), 32).rot90(1), fall)
    cone = draw_mask(Radial(length=0.5), 33)
    assert int(cone[16, 16]) == 255
    assert int(cone[0, 0]) == 0
    assert torch.equal(cone, cone.flip(0))
    image, other = torch.full((1, 3, 33, 33), 200).int(), torch.full((1, 3, 33, 33), 100).int()
    mixed = composite(image, other, cone)
    assert int(mixed[0, 0, 16, 16]) == 200
    assert int(mixed[0, 0, 0, 0]) == 100


def test_the_secret_takes_no_part_and_near_keys_are_the_other_filters() -> None:
    assert not PhotoFilterEditor.secret_matters(key())
    near = [one.settings["name"] for one in PhotoFilterEditor.near_keys(key(), seed=3)]
    assert sorted(map(str, near)) == sorted(set(FILTERS) - {"nashville"})
    assert near != [one.settings["name"] for one in PhotoFilterEditor.near_keys(key(), seed=4)]


def test_unknown_filters() -> None:
    with pytest.raises(ConfigError, match=r"did you mean nashville.*known are 1977, aden"):
        settings_of(key("nashvile"))
    assert "nashville" not in repr(settings_of(key()))
