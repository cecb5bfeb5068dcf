"""The warp against a restatement in NumPy: bicubic field, warped grid, bilinear samples."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spellock.editors.registry import load_editor, settings_of
from spellock.editors.warp import WarpSettings, warp_grid
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.keystream import Keystream

Floats = NDArray[np.float64]
SECRET = bytes(range(50, 82))


def key(*, side: int = 32, secret: bytes = SECRET, **changes: float | bool) -> Key:
    return Key(editor="warp", settings=changes, secret=secret, resolution=side, gamma=1.0)


def pictures(side: int, count: int = 3) -> NDArray[np.uint8]:
    return np.random.default_rng(side).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def cubic(distance: float) -> float:
    """Keys' kernel with a = -0.75, which PyTorch uses."""
    x = abs(distance)
    if x <= 1:
        return (1.25 * x - 2.25) * x * x + 1
    return ((-0.75 * x + 3.75) * x - 6) * x + 3 if x < 2 else 0.0


def upsampled(control: Floats, side: int) -> Floats:
    """(k, k) to (side, side): corners on corners, values beyond the border those of the border."""
    k = len(control)
    weights = np.zeros((side, k))
    for pixel in range(side):
        at = pixel * (k - 1) / (side - 1)
        for tap in range(int(np.floor(at)) - 1, int(np.floor(at)) + 3):
            weights[pixel, min(max(tap, 0), k - 1)] += cubic(at - tap)
    return weights @ control @ weights.T


def restated(image: NDArray[np.uint8], one: Key) -> Floats:
    setting = settings_of(one)
    assert isinstance(setting, WarpSettings)
    side, k = len(image), setting.k
    control = Keystream(one, "warp control grid").uniform(2 * k * k).reshape(2, k, k) * 2 - 1
    control /= np.abs(control).mean()
    strength = setting.s * side / 32 if setting.scale_with_size else setting.s
    result = np.zeros(image.shape)
    across, down = (upsampled(part, side) * strength / side for part in control)
    for row in range(side):
        for column in range(side):
            x = np.clip((2 * column / (side - 1) - 1 + across[row, column]) * setting.grid_rescale, -1, 1)
            y = np.clip((2 * row / (side - 1) - 1 + down[row, column]) * setting.grid_rescale, -1, 1)
            x, y = (x + 1) / 2 * (side - 1), (y + 1) / 2 * (side - 1)
            left, top = min(int(x), side - 2), min(int(y), side - 2)
            u, v = x - left, y - top
            corners = image[top : top + 2, left : left + 2].astype(float)
            result[row, column] = (1 - v) * ((1 - u) * corners[0, 0] + u * corners[0, 1]) + v * (
                (1 - u) * corners[1, 0] + u * corners[1, 1]
            )
    return result


@pytest.mark.parametrize(
    "changes",
    [{}, {"k": 32, "s": 1.0}, {"scale_with_size": False}, {"grid_rescale": 0.9}, {"s": 20.0}, {"k": 2, "s": 1}],
    ids=str,
)
@pytest.mark.parametrize("side", [32, 24])
def test_restated(side: int, changes: dict[str, float | bool]) -> None:
    one = key(side=side, **changes)
    images = pictures(side)
    edited = load_editor(one).edit_uint8(images)
    expected = np.stack([restated(image, one) for image in images])
    assert np.abs(edited - expected).max() <= 0.5 + 1e-6


@given(seed=st.integers(0, 1000), k=st.integers(2, 9), strength=st.floats(0.1, 4))
@settings(max_examples=20, deadline=None)
def test_the_scaled_warp_is_the_same_at_every_size(seed: int, k: int, strength: float) -> None:
    control = torch.rand(2, k, k, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    # Every second point of 65 lies where one of 33 does.
    small = warp_grid(control, side=33, strength=strength * 33 / 32)
    large = warp_grid(control, side=65, strength=strength * 65 / 32)
    assert torch.allclose(small, large[:, ::2, ::2])


@given(level=st.integers(0, 255), s=st.floats(0.1, 30))
@settings(max_examples=10, deadline=None)
def test_a_flat_image_stays(level: int, s: float) -> None:
    flat = np.full((1, 16, 16, 3), level, dtype=np.uint8)
    assert np.array_equal(load_editor(key(side=16, s=s)).edit_uint8(flat), flat)


def test_mean_displacement_is_half_of_s() -> None:
    # Interpolation between control points takes some of it away.
    control = torch.rand(2, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    axis = torch.linspace(-1, 1, 32, dtype=torch.float64)
    moved = (warp_grid(control, side=32, strength=0.5)[0, ..., 0] - axis).abs().mean() * 31 / 2
    assert float(moved) == pytest.approx(0.25, rel=0.1)


def test_the_secret_decides_and_the_control_grid_is_one_for_all() -> None:
    images = pictures(16)
    own = load_editor(key(side=16, s=2.0)).edit_uint8(images)
    assert not np.array_equal(load_editor(key(side=16, s=2.0, secret=bytes(32))).edit_uint8(images), own)
    assert load_editor(key()).moves_pixels


@pytest.mark.parametrize(
    ("name", "value"), [("k", 1), ("k", 129), ("s", 0.0), ("s", -1.0), ("s", 65.0), ("grid_rescale", 0.4)]
)
def test_bad_settings(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"setting {name} is"):
        load_editor(key(**{name: value}))
