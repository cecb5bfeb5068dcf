"""Finding a weight key's place: deliberately weak locks are found, and the scores are what their formulas say."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.weight_places import MARKS, Mark, by_difference, by_magnitude
from spellock.errors import ConfigError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.weight_key import WeightKey

SECRET = bytes(range(32))
SELECT = SelectConfig(score="l2", fraction=0.25, norms="frozen", biases="frozen", include_head=False)


def network() -> nn.Sequential:
    """Layers whose units differ much in size, as those of trained networks do."""
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.Flatten(), nn.Linear(16, 64), nn.Linear(64, 32))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            sizes = torch.rand(len(parameter), generator=generator).mul(2).exp()
            drawn = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(drawn * sizes.view(-1, *[1] * (parameter.dim() - 1)))
    return net


def locked(fill: str, select: SelectConfig = SELECT) -> tuple[ModuleState, WeightKey]:
    net = network()
    public = ModuleState(copy.deepcopy(net)) if fill == "public" else None
    key = lock_module(net, WeightLockConfig(select=select, fill=fill), secret=SECRET, public=public)
    return ModuleState(net), key


def auc(scores: dict[str, Tensor], key: WeightKey) -> float:
    """Chance that a unit of the key has a higher score than another one; ties count half."""
    inside, outside = [], []
    for name, found in scores.items():
        chosen = torch.zeros(len(found), dtype=torch.bool)
        if name in key.places:
            chosen[torch.from_numpy(key.places[name].indices)] = True
        inside.append(found[chosen])
        outside.append(found[~chosen])
    a, b = torch.cat(inside)[:, None], torch.cat(outside)[None]
    return float(((a > b).double() + 0.5 * (a == b)).mean())


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("granularity", ["unit", "block", "scalar"])
def test_zeros_are_found_whatever_is_looked_for(mark: Mark, granularity: str) -> None:
    select = SelectConfig(
        score="l1", granularity=granularity, fraction=0.25, norms="frozen", biases="frozen", include_head=False
    )  # fmt: skip
    state, key = locked("zero", select)
    assert auc(by_magnitude(state, mark, granularity=granularity), key) == 1.0


def test_noise_in_the_place_of_large_units_is_too_regular() -> None:
    state, key = locked("gaussian")
    assert auc(by_magnitude(state, "typical"), key) > 0.8
    assert auc(by_magnitude(state, "outlier"), key) < 0.2


def test_the_public_model_tells_the_place_of_any_other_fill() -> None:
    public = ModuleState(network())
    for fill in ("zero", "gaussian", "shuffled"):
        state, key = locked(fill)
        assert auc(by_difference(state, public), key) == 1.0
    state, key = locked("public")
    assert auc(by_difference(state, public), key) == 0.5


def test_the_scores_are_standardised_norms() -> None:
    net = network()
    scores = by_magnitude(ModuleState(net), "high")
    rows = net[2].weight.detach().double().square().sum(1).sqrt()
    assert torch.allclose(scores["2.weight"].double(), (rows - rows.mean()) / rows.std(), atol=1e-4)
    assert set(scores) == {"0.weight", "2.weight", "3.weight"}, "vectors are not ranked"
    values = by_magnitude(ModuleState(net), "low", granularity="scalar")["0.weight"]
    sizes = net[0].weight.detach().abs().reshape(-1).double()
    assert torch.allclose(values.double(), (sizes.mean() - sizes) / sizes.std(), atol=1e-4)


def test_equal_units_say_nothing_and_other_shapes_are_left_out() -> None:
    net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].weight.fill_(0.5)
        net[1].weight.zero_()
    scores = by_magnitude(ModuleState(net), "outlier")
    assert scores["0.weight"].tolist() == [0, 0, 0]
    assert scores["1.weight"].tolist() == [1, 1]
    other = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 5))
    assert set(by_difference(ModuleState(net), ModuleState(other))) == {"0.weight"}


def test_an_unknown_mark_is_refused() -> None:
    with pytest.raises(ConfigError, match="got the mark 'odd', expected one of high, low"):
        by_magnitude(ModuleState(network()), "odd")  # type: ignore[arg-type]
