"""Random weights for the control."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn

from spellock.errors import ConfigError
from spellock.evaluation.attack_plan import trials
from spellock.evaluation.attacked import evaluate_attacks
from spellock.evaluation.random_control import random_start

from ..attacks import colours
from .attacked_world import NAMES, PLAN, image_set, with_lock


def test_random_weights_are_random_and_repeat() -> None:
    model = colours.trained()
    one, same, other = (random_start(model, classes=4, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.network[0].weight, same.network[0].weight)
    assert not torch.equal(one.network[0].weight, other.network[0].weight)
    assert not torch.equal(one.network[0].weight, model.network[0].weight)
    assert float(one.network[1].running_mean.abs().sum()) == 0
    assert random_start(model, classes=7, seed=0).num_classes == 7

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

    with pytest.raises(ConfigError, match="Odd"):
        random_start(colours.plain(nn.Sequential(Odd(), nn.Linear(2, 3))), classes=3, seed=0)


class Tokens(nn.Module):
    """A transformer in small: what its own layers do not hold lies in modules that have layers."""

    def __init__(self) -> None:
        super().__init__()
        self.positions = nn.Parameter(torch.full((1, 4, 8), 7.0))
        self.embed = nn.Linear(12, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.fc = nn.Linear(8, 3)


def test_nothing_learnt_is_left_in_random_weights() -> None:
    network = Tokens()
    for parameter in network.parameters():
        nn.init.constant_(parameter, 7.0)
    one, same, other = (random_start(colours.plain(network), classes=3, seed=seed).network for seed in (0, 0, 1))
    for name, parameter in one.named_parameters():
        assert not (parameter == 7.0).any(), name
        assert torch.equal(parameter, same.get_parameter(name)), name
        assert not torch.equal(parameter, other.get_parameter(name)) or not parameter.any(), name


class Scale(nn.Module):
    """A layer that cannot draw its weights anew."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        return self.scale * images


def test_a_network_without_random_weights_is_attacked_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    model = colours.locked(after=with_lock, outputs=5)
    model.network.pool = nn.Sequential(Scale(), *model.network.pool)
    report = evaluate_attacks(
        model, (*NAMES, "other"), None, image_set(), trials(["prototypes"]), dataclasses.replace(PLAN, labels=(8,)),
        lock_class="other", public=None,
    )  # fmt: skip
    (row,) = report.rows
    assert row.accuracy is not None
    assert row.random is None
    assert "no control with random weights, because a Scale cannot be drawn anew" in caplog.text
