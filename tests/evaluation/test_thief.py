"""Random weights for the control, and what a thief knows of a key."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from spellock.attacks.budget import Budget
from spellock.errors import ConfigError
from spellock.evaluation.attack_plan import trials
from spellock.evaluation.thief import Thief, public_editor, random_start
from spellock.key import Key

from ..attacks import colours
from ..attacks.test_readings import elsewhere
from .attacked_world import PLAN, SECRET, InvertingEditor, run, the_key


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


def test_who_may_only_ask_need_not_know_where_the_model_is() -> None:
    thief = Thief(
        pool=colours.pictures(20)[0], labels=colours.pictures(20)[1], classes=4, lock_class=None, leaked=None,
        leaked_raw=None, editor=None, unlabelled=10, budget=Budget(queries=12),
    )  # fmt: skip
    view = thief.view(elsewhere(), "query", lock_class=None, seed=0)
    assert view.answer(torch.rand(5, 3, colours.SIDE, colours.SIDE)).shape == (5, 4)
    assert view.query is not None
    assert view.query.left == 7


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


def test_the_public_part_of_a_key() -> None:
    key = the_key().with_settings(steps=5, negative_prompt="ugly", lora="mine.safetensors", lora_digest="00")
    public = public_editor(key, InvertingEditor)
    assert dict(public.settings) == {"steps": 5}
    assert public_editor(Key(editor="patch", settings={"size": 5}, secret=SECRET), InvertingEditor) is None
    assert run(trials(["suppressed"]), plan=dataclasses.replace(PLAN, budget=Budget(steps=1))).rows
