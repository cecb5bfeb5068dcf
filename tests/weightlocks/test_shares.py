"""Keys with more of the small layers: the sum stays, the shares follow n ** -balance."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from spellock.derived import Secret
from spellock.errors import ConfigError
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.selection import select
from spellock.weightlocks.shares import layer_shares
from spellock.weightlocks.states import ModuleState

costs = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), st.integers(1, 10**7), min_size=1, max_size=8)


@given(costs, st.floats(0.001, 1), st.floats(0, 1))
def test_the_sum_is_the_fraction_and_the_shares_follow_the_rule(
    costs: dict[str, int], fraction: float, balance: float
) -> None:
    shares = layer_shares(costs, fraction, balance=balance)
    assert shares.keys() == costs.keys()
    assert all(0 < share <= 1 for share in shares.values())
    assert math.isclose(sum(shares[n] * costs[n] for n in costs), fraction * sum(costs.values()), rel_tol=1e-6)
    scales = [shares[name] * costs[name] ** balance for name in costs if shares[name] < 1]
    assert not scales or math.isclose(min(scales), max(scales), rel_tol=1e-6)
    assert all(not scales or cost**balance <= max(scales) * (1 + 1e-6) for n, cost in costs.items() if shares[n] == 1)


def test_both_ends() -> None:
    assert layer_shares({"a": 10, "b": 1000}, 0.1, balance=0) == pytest.approx({"a": 0.1, "b": 0.1})
    assert layer_shares({"a": 400, "b": 1000}, 0.1, balance=1) == pytest.approx({"a": 70 / 400, "b": 70 / 1000})
    assert layer_shares({"a": 10, "b": 1000}, 0.1, balance=1) == pytest.approx({"a": 1.0, "b": 0.091})


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(20, 20, bias=False), nn.Linear(20, 200, bias=False))


@pytest.mark.parametrize("granularity", ["unit", "scalar"])
def test_a_selection_takes_as_much_of_each_layer(granularity: str) -> None:
    def chosen(balance: float) -> list[int]:
        config = SelectConfig(
            fraction=0.1,
            balance=balance,
            granularity=granularity,
            include_head=False,
            biases="frozen",  # type: ignore[arg-type]
        )
        return [place.scalars for place in select(ModuleState(network()), config, Secret(bytes(32))).values()]

    assert chosen(0) == [40, 400]
    assert chosen(1) == [220, 220]
    assert 40 < chosen(0.5)[0] < 220


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match=r"balance of 1\.5"):
        SelectConfig(balance=1.5)
    with pytest.raises(ConfigError, match="ranks all of them together"):
        SelectConfig(balance=0.5, scope="global")
