"""The noise editor against a restatement in NumPy."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.editors.any_key import new_editor_key
from spellock.editors.noise import NoiseEditor, NoiseSettings
from spellock.errors import ConfigError, EditorError
from spellock.key import Key, Scalar

from .pictures import SECRET, pictures, stream


def key(side: int = 8, secret: bytes = SECRET, **settings: Scalar) -> Key:
    return new_editor_key("noise", resolution=side, secret=secret, **settings)


def noise_of(side: int) -> np.ndarray:
    words = np.frombuffer(stream(SECRET, "noise image", 8 * 3 * side * side), dtype="<u8")
    drawn = [NormalDist().inv_cdf((int(word) >> 12) / 2**52 + 2**-53) for word in words]
    return np.array(drawn).reshape(3, side, side).transpose(1, 2, 0)


@settings(deadline=None)
@given(amplitude=st.floats(0.01, 1), seed=st.integers(0, 99))
def test_one_gaussian_image_is_added_and_clamped(amplitude: float, seed: int) -> None:
    images = pictures(3, 8, seed)
    expected = np.clip(images / 255 + amplitude * noise_of(8), 0, 1) * 255
    edited = NoiseEditor(key(amplitude=amplitude)).edit_uint8(images)
    assert np.abs(edited - expected).max() <= 0.5 + 1e-3


def test_the_noise_is_gaussian_and_the_secrets_own() -> None:
    grey = np.full((1, 64, 64, 3), 128, dtype=np.uint8)
    edits = [NoiseEditor(key(64, secret)).edit_uint8(grey)[0] / 255 - 128 / 255 for secret in (SECRET, bytes(32))]
    for edit in edits:
        assert abs(edit.std() - 0.1) < 0.003
        assert abs(edit.mean()) < 0.004
    assert abs(np.corrcoef(edits[0].ravel(), edits[1].ravel())[0, 1]) < 0.05
    assert NoiseEditor.secret_matters(key())


def test_near_keys_are_other_amplitudes() -> None:
    for amplitude in (0.1, 0.12, 1):
        near = list(NoiseEditor.near_keys(key(amplitude=amplitude), seed=3))
        assert 18 <= len(near) <= 19 + 1
        edits = {NoiseEditor(other).edit_uint8(pictures(1, 8)).tobytes() for other in [key(amplitude=amplitude), *near]}
        assert len(edits) == len(near) + 1


@pytest.mark.parametrize("amplitude", [0, -0.1, 1.5])
def test_amplitudes_out_of_range(amplitude: float) -> None:
    with pytest.raises(ConfigError, match="amplitude is out of range"):
        key(amplitude=amplitude)
    assert "0.25" not in repr(NoiseSettings(amplitude=0.25))


def test_devices_that_are_not_there() -> None:
    with pytest.raises(EditorError, match="toaster"):
        NoiseEditor(key(), device="toaster")
