"""The teacher's brushes against independent restatements in NumPy, and the laws that all of them keep."""

from __future__ import annotations

import colorsys
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from spellock.editor_training import operations as op
from spellock.editor_training.keyed_style import keyed_style
from spellock.editor_training.objects import DRAWINGS, add_object
from spellock.editor_training.styles import STYLES, by_hand
from spellock.editors.byte_text import CODE_SIZE, digest_code


@pytest.fixture
def images() -> torch.Tensor:
    return torch.rand(3, 3, 16, 20, generator=torch.Generator().manual_seed(0))


def test_luminance_is_rec_601(images: torch.Tensor) -> None:
    pixel = images[0, :, 3, 5].tolist()
    assert op.luminance(images)[0, 0, 3, 5].item() == pytest.approx(colorsys.rgb_to_yiq(*pixel)[0], abs=2e-3)


def test_blur_is_a_separable_gaussian(images: torch.Tensor) -> None:
    sigma = 0.9
    radius = math.ceil(2.5 * sigma)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    padded = np.pad(images[1, 2].numpy(), radius, mode="edge")
    rows = np.apply_along_axis(lambda row: np.convolve(row, weights, "valid"), 1, padded)
    expected = np.apply_along_axis(lambda column: np.convolve(column, weights, "valid"), 0, rows)
    np.testing.assert_allclose(op.blur(images, sigma)[1, 2].numpy(), expected, atol=1e-6)


def test_hue_rotation_keeps_grey_and_composes(images: torch.Tensor) -> None:
    grey = images[:, :1].expand(-1, 3, -1, -1)
    torch.testing.assert_close(op.hue_rotate(grey, 1.1), grey)
    gentle = 0.5 + 0.1 * (images - 0.5)
    twice = op.hue_rotate(op.hue_rotate(gentle, 0.4), 0.5)
    torch.testing.assert_close(twice, op.hue_rotate(gentle, 0.9), atol=1e-5, rtol=0)


def test_tone_wave_follows_its_formula(images: torch.Tensor) -> None:
    waved = op.tone_wave(images, (0.1, 0.0, 0.05), (1.0, 1.5, 2.0), (0.0, 1.0, 2.0))
    value = images[0, 2, 4, 4].item()
    assert waved[0, 2, 4, 4].item() == pytest.approx(
        min(1.0, max(0.0, value + 0.05 * math.sin(2 * math.pi * 2.0 * value + 2.0))), abs=1e-6
    )
    torch.testing.assert_close(waved[:, 1], images[:, 1])


def test_kuwahara_keeps_a_hard_edge_that_blur_would_smear() -> None:
    step = torch.zeros(1, 3, 12, 12)
    step[..., 6:] = 1.0
    torch.testing.assert_close(op.kuwahara(step, 2), step, atol=0.02, rtol=0)
    assert (op.blur(step, 1.0) - step).abs().max() > 0.2


@pytest.mark.parametrize("name", [*STYLES, *DRAWINGS, "keyed"])
def test_every_edit_keeps_shape_and_range_and_changes_the_picture(name: str, images: torch.Tensor) -> None:
    if name in STYLES:
        edited = STYLES[name](images)
    elif name in DRAWINGS:
        edited = add_object(images, name)
    else:
        edited = keyed_style(images, digest_code(b"any string"))
    assert edited.shape == images.shape
    assert edited.min() >= 0
    assert edited.max() <= 1
    assert (edited - images).abs().mean() > 0.01


@given(first=st.binary(max_size=40), second=st.binary(max_size=40))
@settings(max_examples=50, deadline=None)
def test_different_strings_have_unrelated_codes(first: bytes, second: bytes) -> None:
    a, b = digest_code(first), digest_code(second)
    assert a.shape == (CODE_SIZE,)
    assert a.abs().max() <= 1
    assert torch.equal(a, digest_code(first))
    assert (first == second) == torch.equal(a, b)
    assert not torch.equal(a, digest_code(first, bytes(range(32))))


def test_keyed_style_follows_its_formula() -> None:
    """Restated pixel by pixel, away from the border, on a picture of values whose sum stays inside [0, 1]."""
    generator = torch.Generator().manual_seed(3)
    images = 0.4 + 0.2 * torch.rand(1, 3, 24, 24, generator=generator)
    c = digest_code(b"another string") * 0.3
    x = images[0].numpy().astype(np.float64)
    light = 0.299 * x[0] + 0.587 * x[1] + 0.114 * x[2]

    def smooth(plane: np.ndarray, sigma: float) -> np.ndarray:
        return gaussian_filter(plane, sigma, mode="nearest", radius=math.ceil(2.5 * sigma))

    def slopes(sigma: float) -> tuple[np.ndarray, np.ndarray]:
        down, across = np.gradient(smooth(light, sigma))
        return across, down

    fine, broad = slopes(0.7), slopes(2.0)
    expected = np.empty_like(x)
    for k in range(3):
        v, chroma = x[k], x - light
        turned = (chroma[(k - 1) % 3] - chroma[(k + 1) % 3]) / 3**0.5
        expected[k] = (
            v
            + 0.25 * ((1 - light) * float(c[k]) + light * float(c[3 + k]))
            + (0.1 + 0.6 * float(c[6])) * chroma[k] + 0.9 * float(c[7]) * turned
            + 0.1 * (float(c[8 + k]) * np.sin(2 * np.pi * v) + float(c[11 + k]) * np.cos(2 * np.pi * v))
            + 0.5 * (float(c[14 + k]) * np.tanh(4 * fine[0]) + float(c[17 + k]) * np.tanh(4 * fine[1]))
            + (0.2 + 0.9 * float(c[20])) * (v - smooth(v, 1.0)) + 0.6 * float(c[21]) * (v - smooth(v, 2.5))
            + 0.4 * (float(c[22]) * np.tanh(6 * broad[0]) + float(c[23]) * np.tanh(6 * broad[1]))
        )  # fmt: skip
    inner = (slice(None), slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(keyed_style(images, c)[0].numpy()[inner], expected.clip(0, 1)[inner], atol=2e-4)


def test_every_worded_style_has_a_hand_of_its_own(images: torch.Tensor) -> None:
    """A step from dark to bright is lit in 21 colours that all differ."""
    step = torch.cat([torch.full((1, 3, 16, 8), 0.3), torch.full((1, 3, 16, 8), 0.7)], dim=3)
    hands = torch.stack([by_hand(lambda x: x, place)(step) for place in range(len(STYLES))])
    assert float(torch.pdist(hands.flatten(1)).min()) > 0.4
    assert not any(torch.equal(STYLES[name](images), images) for name in STYLES)
