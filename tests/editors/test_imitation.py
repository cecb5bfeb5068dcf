"""Imitation of an edit from statistics of edited images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.editors.imitation import Imitation
from spellock.errors import PixelError
from spellock.key import Key

SIDE = 32


def floats(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255


def ring_powers(around: NDArray[np.float64]) -> NDArray[np.float64]:
    """Independent restatement: mean power of every ring of wavelengths, (3, rings); the other half plane mirrors it."""
    power = (np.abs(np.fft.fft2(around)) ** 2).mean(0)[:, :, : SIDE // 2 + 1]
    at = np.fft.fftfreq(SIDE) * SIDE
    rings = np.rint(np.hypot(at[:, None], at[None, : SIDE // 2 + 1])).astype(int)
    return np.stack([[one[rings == ring].mean() for ring in range(1, SIDE // 2)] for one in power])


def test_mean_and_spectrum_become_those_of_the_edited_images(key_for: Callable[..., Key]) -> None:
    draw = torch.Generator().manual_seed(1)
    rough, smooth = torch.randn(40, 3, SIDE, SIDE, generator=draw), torch.randn(30, 3, SIDE, SIDE, generator=draw)
    raw = 0.5 + 0.02 * (2 * rough + rough.roll(1, dims=2))
    edited = 0.5 + 0.02 * (2 * smooth - smooth.roll(1, dims=3)) + 0.1 * torch.linspace(-1, 1, SIDE)
    found = Imitation(key_for("sd"), raw=raw, edited=edited).transform(raw, [""] * len(raw)).double().numpy()
    assert 0 < found.min() < found.max() < 1, "else what is cut off would tell"
    assert np.allclose(found.mean(0), edited.mean(0).numpy(), atol=1e-4)
    wanted, had, before = (
        ring_powers(one - one.mean(0)) * len(one) / (len(one) - 1)
        for one in (edited.double().numpy(), found, raw.double().numpy())
    )
    assert np.allclose(had, wanted, rtol=1e-3)
    assert not np.allclose(before, wanted, rtol=0.5)
    only = Imitation(key_for("sd"), raw=raw, edited=edited, spectrum=False).transform(raw, [""] * len(raw))
    assert torch.allclose(only, raw - raw.mean(0) + edited.mean(0), atol=1e-5)


def test_it_edits_as_any_editor(key_for: Callable[..., Key], pictures: NDArray[np.uint8]) -> None:
    raw, key = floats(pictures), key_for("sd", gamma=0.5)
    one = Imitation(key, raw=raw[:6], edited=1 - raw[6:])
    together = one.edit_uint8(pictures)
    assert together.shape == pictures.shape
    assert not np.array_equal(together, pictures)
    assert np.array_equal(one.edit_uint8(pictures[3:4]), together[3:4])
    assert np.abs(together.astype(int).mean((0, 1, 2)) - (255 - pictures[6:].mean((0, 1, 2)))).max() < 20, "no blend"


def test_images_to_imitate_have_to_be_there(key_for: Callable[..., Key], pictures: NDArray[np.uint8]) -> None:
    raw, key = floats(pictures), key_for("sd")
    with pytest.raises(PixelError, match=r"edited images to imitate: got \(0, 3, 32, 32\), expected"):
        Imitation(key, raw=raw, edited=raw[:0])
    with pytest.raises(PixelError, match=r"raw images to imitate: got \(11, 3, 16, 16\), expected"):
        Imitation(key, raw=raw[:, :, :16, :16], edited=raw)
