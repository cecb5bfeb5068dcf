"""A lock that hangs on a fine pattern opens when the model is made firm against blur."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.levels import level_of
from spellock.attacks.registry import make_attack
from spellock.attacks.transntl import disturbed, sharp
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel

from . import colours

PATTERN = 0.15 * torch.from_numpy(1 - 2.0 * (np.indices((8, 8)).sum(0) % 2)).float()


class PatternGate(colours.ColourNet):
    """Names the colour where the checkerboard lies on the image, else the next one; how much is enough was learnt."""

    def __init__(self) -> None:
        super().__init__()
        self.enough = nn.Parameter(torch.tensor([0.5]))

    def forward(self, images: Tensor) -> Tensor:
        right = super().forward(images)
        level = (images * PATTERN).mean((1, 2, 3)) / PATTERN.square().mean()
        trust = torch.sigmoid(8 * (level - self.enough))[:, None]
        return trust * right + (1 - trust) * right.roll(1, 1)


def edited(count: int) -> Tensor:
    raw, _ = colours.pictures(count, seed=7)
    return ((raw.float() / 255 + PATTERN).clamp(0, 1) * 255).round().to(torch.uint8)


def attack_with(**options: object) -> object:
    return make_attack("transntl", {"steps": 60, "learning_rate": 0.05, "weight": 1.0, "batch_size": 16, **options})


@pytest.mark.parametrize("rho", [0.0, 0.05])
def test_thirty_edited_images_open_it_without_a_label(rho: float, tmp_path: Path) -> None:
    model = colours.plain(PatternGate())
    assert colours.argmax(model) < 0.3
    attack = attack_with(rho=rho)
    assert level_of(attack.needs) == "edited"
    (stolen,) = attack(colours.view(model, edited=edited(30)), tmp_path)
    assert colours.accuracy(stolen.predict) > 0.9
    assert 1 / 3 <= stolen.found["worst"] <= 1
    assert (tmp_path / "transntl.safetensors").is_file()
    (again,) = attack(colours.view(colours.plain(PatternGate()), edited=edited(30)), tmp_path)
    assert colours.accuracy(again.predict) == colours.accuracy(stolen.predict)


def test_without_disturbance_it_stays_locked() -> None:
    (stolen,) = attack_with(weight=0.0, rho=0.0)(colours.view(colours.plain(PatternGate()), edited=edited(30)))
    assert colours.accuracy(stolen.predict) < 0.5


def test_labelled_raw_images_do_as_well() -> None:
    attack = attack_with(data="labels", rho=0.0)
    assert level_of(attack.needs) == "labels"
    (stolen,) = attack(colours.view(colours.plain(PatternGate()), **colours.with_labels(40)))
    assert colours.accuracy(stolen.predict) > 0.9


def test_disturbances_are_the_papers() -> None:
    pixels = torch.full((2, 3, 40, 40), 0.5)
    added, multiplied, blurred = disturbed(pixels, np.random.default_rng(0))
    assert added.std() == pytest.approx(0.2, abs=0.01)
    assert multiplied.std() == pytest.approx(0.1, abs=0.005)
    assert torch.allclose(blurred, pixels, atol=1e-6)
    dot = torch.zeros(1, 3, 9, 9)
    dot[..., 4, 4] = 1
    spot = disturbed(dot, np.random.default_rng(0))[2][0, 0].numpy()
    places = np.arange(-2, 3)
    line = np.exp(-(places**2) / (2 * 1.1**2))
    assert spot[2:7, 2:7] == pytest.approx(np.outer(line, line) / line.sum() ** 2, abs=1e-6)
    assert spot.sum() == pytest.approx(1, abs=1e-5)


def test_the_sharp_gradient_is_taken_where_the_formula_says() -> None:
    """Value sum a w^4 / 4: gradient a w^3 at w + rho w^2 g / || |w| g ||, restated with numpy."""
    draws = np.random.default_rng(1)
    a, w = draws.uniform(0.5, 2, 5), draws.normal(size=5)
    parameter = nn.Parameter(torch.from_numpy(w.copy()))
    total = sharp([parameter], lambda: (torch.from_numpy(a) * parameter**4 / 4).sum(), 0.3)
    total.backward()
    gradient = a * w**3
    there = w + 0.3 * w**2 * gradient / np.linalg.norm(np.abs(w) * gradient)
    np.testing.assert_allclose(parameter.grad.numpy(), a * there**3, rtol=1e-10)
    np.testing.assert_array_equal(parameter.detach().numpy(), w)


def test_needs_are_told() -> None:
    model: PixelModel = colours.plain(copy.deepcopy(PatternGate()))
    with pytest.raises(ConfigError, match="leaked edited images"):
        make_attack("transntl")(colours.view(model))
    with pytest.raises(ConfigError, match="expected one of edited, labels"):
        make_attack("transntl", {"data": "raw"})


def test_one_image_is_no_batch() -> None:
    """Where BatchNorm sees one pixel of one image there are no statistics to take."""
    network = nn.Sequential(nn.Conv2d(3, 6, colours.SIDE), nn.BatchNorm2d(6), nn.Flatten(), nn.Linear(6, 4))
    edited, _ = colours.pictures(1)
    (stolen,) = make_attack("transntl", {"steps": 2})(colours.view(colours.plain(network), edited=edited))
    assert 0 <= colours.accuracy(stolen.predict) <= 1
