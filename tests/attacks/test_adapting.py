"""TENT and SHOT-IM repair what a weak lock broke in the layers that they train, and touch nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from spellock.attacks.adapting import entropy
from spellock.attacks.budget import Budget
from spellock.attacks.registry import make_attack
from spellock.attacks.shot_im import ShotIm
from spellock.attacks.tent import Tent
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel

from . import colours


def damaged(model: PixelModel, seed: int, strength: float) -> PixelModel:
    """The scales and offsets of BatchNorm moved at random: a lock that lies in them alone."""
    generator = torch.Generator().manual_seed(seed)
    layer = model.network[1]
    with torch.no_grad():
        layer.weight += strength * torch.randn(12, generator=generator)
        layer.bias += strength * torch.randn(12, generator=generator)
    return model


@pytest.mark.parametrize(
    ("name", "seed", "strength"),
    [("tent", 2, 0.8), ("shot-im", 6, 1.0)],  # entropy alone repairs little; diversity repairs more
)
def test_adapting_opens_a_lock_that_lies_in_the_norm_layers(name: str, seed: int, strength: float) -> None:
    model = damaged(colours.trained(), seed, strength)
    (raw,) = make_attack("suppressed", {"statistics": "raw"})(colours.view(copy.deepcopy(model)))
    before = colours.accuracy(raw.predict)
    assert before < 0.95
    (stolen,) = make_attack(name, {"learning_rate": 0.02, "epochs": 6})(colours.view(model))
    assert colours.accuracy(stolen.predict) > max(0.98, before)


def test_each_trains_only_its_own_layers() -> None:
    for attack, trained in ((Tent(epochs=1), {"1.weight", "1.bias"}), (ShotIm(epochs=1), {"0.", "1."})):
        model = colours.trained()
        before = copy.deepcopy(dict(model.network.named_parameters()))
        attack(colours.view(model))
        changed = {name for name, value in model.network.named_parameters() if not torch.equal(value, before[name])}
        assert changed
        assert all(name.startswith(tuple(trained)) for name in changed)


def test_the_objectives_are_those_of_the_papers() -> None:
    sure, even = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.5, 0.5], [0.5, 0.5]])
    assert entropy(even).tolist() == pytest.approx([0.6931472] * 2)
    assert float(Tent().objective(sure)) == pytest.approx(0, abs=1e-6)
    assert float(Tent().objective(even)) == pytest.approx(0.6931472)
    assert float(ShotIm().objective(sure)) == pytest.approx(-0.6931472, abs=1e-6)
    assert float(ShotIm().objective(sure[[0, 0]])) == pytest.approx(0, abs=1e-6)  # one class for all gains nothing


def test_budget_and_missing_layers() -> None:
    (stolen,) = Tent(epochs=5)(colours.view(colours.trained(), budget=Budget(steps=3)))
    assert stolen.found["steps"] == 3
    (stolen,) = Tent(epochs=5)(colours.view(colours.trained(), budget=Budget(seconds=1e-9)))
    assert stolen.found["steps"] == 0
    bare = colours.plain(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 4)))
    with pytest.raises(ConfigError, match="normalisation"):
        Tent()(colours.view(bare))
