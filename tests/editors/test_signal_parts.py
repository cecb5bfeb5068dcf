"""Parts of a picture's signal."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from spellock.editors.signal_parts import Brightness, Channels, Coarse, Rest, Share, SignalPart, draw_part

SIDE = 24
FIRST, SECOND = torch.rand(2, 3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)) - 0.5


def kind(part: SignalPart) -> tuple[type, bool]:
    return (type(part.part), True) if isinstance(part, Rest) else (type(part), False)


@given(st.integers(0, 10_000))
def test_parts_are_linear_and_shrink_what_they_are_given(seed: int) -> None:
    part = draw_part(random.Random(seed), side=SIDE)
    assert part == draw_part(random.Random(seed), side=SIDE)
    assert torch.allclose(part(FIRST - 2 * SECOND), part(FIRST) - 2 * part(SECOND), atol=1e-5)
    assert torch.allclose(part(FIRST) + Rest(part)(FIRST), FIRST, atol=1e-6)
    assert 0 < float(part(FIRST).norm()) < float(FIRST.norm())
    alone = part(FIRST[1:2])
    assert torch.allclose(part(FIRST)[1:2], alone, atol=1e-6), "no picture looks at another"


def test_every_kind_comes_and_both_its_sides() -> None:
    draw = random.Random(1)
    found = [kind(draw_part(draw, side=SIDE)) for _ in range(400)]
    wanted = {(one, rest) for one in (Brightness, Channels, Coarse, Share) for rest in (False, True)}
    assert set(found) == wanted
    assert all(found.count(one) > 25 for one in wanted)


@pytest.mark.parametrize("width", [1.0, 2.0, 4.0])
def test_coarse_is_a_gaussian_blur_around_the_edges(width: float) -> None:
    sigma = (0, 0, width, width)
    wanted = gaussian_filter(FIRST.double().numpy(), sigma, mode="wrap", truncate=8)
    assert np.allclose(Coarse(width)(FIRST).numpy(), wanted, atol=2e-3)
    assert torch.allclose(Coarse(width)(torch.ones(1, 3, SIDE, SIDE)), torch.ones(1, 3, SIDE, SIDE), atol=1e-5)


def test_brightness_leaves_colour_and_channels_the_others() -> None:
    grey = FIRST[:, :1].expand_as(FIRST)
    assert torch.allclose(Brightness()(grey), grey)
    assert Rest(Brightness())(FIRST).sum(1).abs().max() < 1e-5
    green = Channels((False, True, False))
    assert torch.equal(green(FIRST)[:, 1], FIRST[:, 1])
    assert not green(FIRST)[:, [0, 2]].any()
    assert torch.equal(Share(0.25)(FIRST), FIRST / 4)
