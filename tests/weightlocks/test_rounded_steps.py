"""Training with a key of 4 bits: the model has what the key can hold at every step, and small steps add up."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spellock.errors import ConfigError
from spellock.training.run_state import Checkpoints, RunState
from spellock.weightlocks.confine import confine
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.rounded_steps import EXACT_STEPS, EXACT_VALUES
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlock_module, unlocked
from spellock.weightlocks.weight_key import WeightKey

from .networks import SECRET, SmallNet, bits, small_net

CODINGS = ["int4", "int4-delta"]
Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


def locked(coding: str, granularity: str = "block") -> tuple[SmallNet, SmallNet, WeightKey]:
    """Keyed and unlocked model, and the key."""
    public = small_net()
    keyed = copy.deepcopy(public)
    select = SelectConfig(fraction=0.6, granularity=granularity)  # type: ignore[arg-type]
    fill = "public" if coding.endswith("delta") else "gaussian"
    config = WeightLockConfig(select=select, fill=fill, coding=coding)
    with torch.no_grad():
        for parameter in keyed.parameters():
            parameter += 0.03 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
    state = ModuleState(public) if fill == "public" else None
    key = lock_module(keyed, config, secret=SECRET, public=state)
    whole = copy.deepcopy(keyed)
    unlock_module(whole, key)
    return keyed, whole, key


def steps(net: nn.Module, optimizer: torch.optim.Optimizer, numbers: range) -> None:
    for number in numbers:
        generator = torch.Generator().manual_seed(number)
        x, y = torch.rand(8, 3, 8, 8, generator=generator), torch.randint(4, (8,), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()


def on_grid(values: np.ndarray) -> np.ndarray:
    """(k, unit) float64 as a key of 4 bits holds it: multiples of a power of two, at most 7 and a hair of it."""
    rows = values.reshape(1, -1) if values.shape[1] == 1 else values
    out = np.zeros_like(rows)
    for row, into in zip(rows, out, strict=True):
        for start in range(0, len(row), 32):
            block = row[start : start + 32]
            peak = np.abs(block).max()
            power = 0 if peak == 0 else int(np.ceil(np.log2(peak / (7 + 8 * 2.0**-12))))
            into[start : start + 32] = np.round(block / 2.0**power) * 2.0**power
    return out.reshape(values.shape)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("granularity", ["block", "unit", "scalar"])
@pytest.mark.parametrize(
    "make", [lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9), lambda p: torch.optim.AdamW(p, lr=0.01)]
)
def test_the_key_opens_the_very_model_that_was_trained(coding: str, granularity: str, make: Make) -> None:
    keyed, net, key = locked(coding, granularity)
    before = bits(net)
    optimizer = make(list(net.parameters()))
    with confine(optimizer, key, net) as confinement:
        steps(net, optimizer, range(4))
        new = confinement.new_key()
    with unlocked(keyed, new) as opened:
        for name, tensor in opened.state_dict().items():
            torch.testing.assert_close(tensor, net.state_dict()[name], rtol=1e-6, atol=1e-7)
    assert bits(net) != before, "the key learns"
    assert EXACT_VALUES not in optimizer.state, "nothing is left behind"


@pytest.mark.parametrize("coding", CODINGS)
def test_it_is_the_straight_through_estimator(coding: str) -> None:
    keyed, net, key = locked(coding)
    place = key.places["conv2.weight"]
    base = place.take(keyed.conv2.weight).double().numpy() if coding.endswith("delta") else 0.0
    exact = place.take(net.conv2.weight).double().numpy()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
    with confine(optimizer, key, net):
        for number in range(5):
            shown = place.take(net.conv2.weight).double().numpy()
            np.testing.assert_allclose(shown, base + on_grid(exact - base), atol=1e-6)
            steps(net, optimizer, range(number, number + 1))
            assert net.conv2.weight.grad is not None
            exact = exact - 0.02 * place.take(net.conv2.weight.grad).double().numpy()


@pytest.mark.parametrize(("coding", "pull"), [("int4", 2e-3), ("int4-delta", 1e-4)])
def test_steps_smaller_than_the_rounding_add_up(coding: str, pull: float) -> None:
    _, net, key = locked(coding)
    place = key.places["fc1.weight"]
    start = place.take(net.fc1.weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=pull)
    with confine(optimizer, key, net):
        for number in range(600):
            optimizer.zero_grad()
            net.fc1.weight.sum().backward()
            optimizer.step()
            if number == 0:
                same = (place.take(net.fc1.weight) - start).abs() < 1e-6
                assert same.float().mean() > 0.8, "one step is less than a code; only largest ones go to the next scale"
        moved = (start - place.take(net.fc1.weight)).mean()
    assert float(moved) == pytest.approx(600 * pull, rel=0.2)


def test_finer_keys_are_trained_as_ever() -> None:
    for coding in ("exact", "int8", "int8-delta"):
        _, net, key = locked(coding)
        optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
        plain = copy.deepcopy(net)
        with confine(optimizer, key, net):
            steps(net, optimizer, range(2))
            assert EXACT_VALUES not in optimizer.state
        assert bits(net) != bits(plain)


@pytest.mark.parametrize("coding", [*CODINGS, "int8-delta"])
def test_a_run_that_goes_on_has_the_same_bytes(coding: str, tmp_path: Path) -> None:
    _, net, key = locked(coding)
    again = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    checkpoints = Checkpoints(tmp_path)
    with confine(optimizer, key, net) as confinement:
        steps(net, optimizer, range(3))
        checkpoints.save(RunState(run={}, epoch=1), net, optimizer)
        steps(net, optimizer, range(3, 8))
        wanted = confinement.new_key().values
    second = torch.optim.AdamW(again.parameters(), lr=0.01)
    assert checkpoints.load({}, again, second) is not None
    with confine(second, key, again) as confinement:
        steps(again, second, range(3, 8))
        found = confinement.new_key().values
    assert bits(again) == bits(net)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_a_training_that_ran_away_is_told_by_the_key() -> None:
    _, net, key = locked("int4")
    optimizer = torch.optim.SGD(net.parameters(), lr=float("inf"))
    with confine(optimizer, key, net) as confinement:
        steps(net, optimizer, range(2))
        with pytest.raises(ConfigError, match="not finite"):
            confinement.new_key()


@pytest.mark.parametrize("coding", CODINGS)
def test_the_first_steps_may_be_exact(coding: str) -> None:
    """They are those of plain training of the key's part; after them every step is rounded."""
    keyed, net, key = locked(coding)
    place = key.places["conv2.weight"]
    exact = place.take(net.conv2.weight).double().numpy()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.02)
    with confine(optimizer, key, net, exact_steps=3) as confinement:
        for number in range(3):
            steps(net, optimizer, range(number, number + 1))
            assert net.conv2.weight.grad is not None
            exact = exact - 0.02 * place.take(net.conv2.weight.grad).double().numpy()
            np.testing.assert_allclose(place.take(net.conv2.weight).double().numpy(), exact, atol=1e-6)
        at_first = copy.deepcopy(net)
        assert EXACT_VALUES not in optimizer.state
        before = bits(net)
        with confinement.as_held():
            assert bits(net) != before
            held = copy.deepcopy(net)
        assert bits(net) == before, "a look changes nothing"
        with unlocked(keyed, confinement.new_key()) as opened:
            for name, tensor in opened.state_dict().items():
                torch.testing.assert_close(tensor, held.state_dict()[name], rtol=1e-6, atol=1e-7)
        steps(net, optimizer, range(3, 5))
        assert EXACT_STEPS not in optimizer.state
        with unlocked(keyed, confinement.new_key()) as opened:
            for name, tensor in opened.state_dict().items():
                torch.testing.assert_close(tensor, net.state_dict()[name], rtol=1e-6, atol=1e-7)
    assert bits(net) != bits(at_first)
    with pytest.raises(ConfigError, match="after the confinement was closed"):
        confinement.as_held()


def test_a_run_that_goes_on_among_its_exact_steps_has_the_same_bytes(tmp_path: Path) -> None:
    _, net, key = locked("int4-delta")
    again = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.01)
    checkpoints = Checkpoints(tmp_path)
    with confine(optimizer, key, net, exact_steps=4):
        steps(net, optimizer, range(2))
        checkpoints.save(RunState(run={}, epoch=1), net, optimizer)
        steps(net, optimizer, range(2, 7))
    second = torch.optim.AdamW(again.parameters(), lr=0.01)
    assert checkpoints.load({}, again, second) is not None
    with confine(second, key, again, exact_steps=4):
        steps(again, second, range(2, 7))
    assert bits(again) == bits(net)
    assert EXACT_STEPS not in second.state


def test_fewer_exact_steps_than_none_are_refused() -> None:
    _, net, key = locked("int4")
    with pytest.raises(ConfigError, match="exact_steps is -1"):
        confine(torch.optim.SGD(net.parameters(), lr=0.1), key, net, exact_steps=-1)
