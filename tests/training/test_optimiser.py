"""Depth ordering, parameter groups and schedule."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from timm import create_model as timm_model
from timm.optim import param_groups_layer_decay
from torch import nn

from spellock.errors import ConfigError
from spellock.tasks import create_model
from spellock.training.optimiser import block_of, layer_ids, make_optimiser, parameter_groups, set_learning_rate
from spellock.training.schedule import learning_rate_at


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("conv1.weight", None),
        ("layer1.0.conv1.weight", "layer1.0"),
        ("layer1.0.downsample.0.weight", "layer1.0"),
        ("layers.2.blocks.5.norm1.bias", "layers.2.blocks.5"),
        ("features.5.block.0.0.weight", "features.5"),
        ("vit.encoder.layer.3.output.dense.weight", "vit.encoder.layer.3"),
        ("0.weight", "0"),
    ],
)
def test_blocks(name: str, block: str | None) -> None:
    assert block_of(name) == block


def test_cifar_resnet_depths() -> None:
    ids = layer_ids(create_model("resnet20", num_classes=2).network)
    assert ids["conv1.weight"] == ids["bn1.bias"] == 0
    assert ids["layer1.0.conv1.weight"] == 1
    assert ids["layer2.0.bn2.weight"] == 4
    assert ids["layer3.2.conv2.weight"] == 9
    assert ids["linear.bias"] == 10


def test_transformer_groups_are_those_of_timm() -> None:
    network = timm_model("test_vit", num_classes=3, global_pool="avg")
    ours = parameter_groups(network, weight_decay=0.05, layer_decay=0.75)
    spared = network.no_weight_decay()
    theirs = param_groups_layer_decay(network, 0.05, no_weight_decay_list=spared, layer_decay=0.75)

    def by_parameter(groups: list[dict[str, object]]) -> dict[int, tuple[float, float]]:
        return {id(p): (g["lr_scale"], g["weight_decay"]) for g in groups for p in g["params"]}

    mine, reference = by_parameter(ours), by_parameter(theirs)
    assert mine.keys() == reference.keys()
    for name, parameter in network.named_parameters():
        assert mine[id(parameter)][1] == reference[id(parameter)][1], name
        assert mine[id(parameter)][0] == pytest.approx(reference[id(parameter)][0]), name


def test_frozen_parameters_stay_out() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    network[0].requires_grad_(False)
    groups = parameter_groups(network, weight_decay=0.1, layer_decay=1.0)
    assert {id(p) for g in groups for p in g["params"]} == {id(p) for p in network[1].parameters()}
    with pytest.raises(ConfigError, match="unfreeze"):
        parameter_groups(network.requires_grad_(False), weight_decay=0.1, layer_decay=1.0)


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_learning_rates_scale_with_depth(name: str, kind: type) -> None:
    network = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False))
    optimiser = make_optimiser(network, name=name, learning_rate=1.0, weight_decay=0.1, layer_decay=0.5)
    assert isinstance(optimiser, kind)
    set_learning_rate(optimiser, 0.1)
    rates = {id(p): g["lr"] for g in optimiser.param_groups for p in g["params"]}
    assert rates[id(network[0].weight)] == pytest.approx(0.5 * rates[id(network[1].weight)])


def test_schedule_rises_then_falls_along_a_cosine() -> None:
    rates = [learning_rate_at(step, total=110, warmup=10, peak=2.0) for step in range(110)]
    assert rates[0] == pytest.approx(2.0 / 11)
    assert rates[10] == 2.0 == max(rates)
    assert rates[60] == pytest.approx(1.0)
    assert rates[35] == pytest.approx(1 + math.cos(math.pi / 4))
    assert all(a < b for a, b in itertools.pairwise(rates[:11]))
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.01
