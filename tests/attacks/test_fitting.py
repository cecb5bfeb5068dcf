"""The training loop repeats, goes on where it was stopped, and stops when it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from spellock.attacks.budget import Budget
from spellock.attacks.fitting import Plan, batch_of, fit
from spellock.errors import ConfigError


class _Stop(Exception):
    pass


def run(path: Path | None, optimizer: str, *, stop: int | None = None) -> list[Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.3), nn.BatchNorm1d(4), nn.Linear(4, 2))
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(23, 5)).astype(np.float32))
    calls = 0

    def loss(batch: np.ndarray, draws: np.random.Generator) -> Tensor:
        nonlocal calls
        if calls == stop:
            raise _Stop
        calls += 1
        noise = torch.from_numpy(draws.normal(size=(len(batch), 5)).astype(np.float32))
        return net(rows[batch] + 0.1 * noise).square().mean()

    plan = Plan(steps=11, batch_size=6, learning_rate=0.05, optimizer=optimizer, checkpoint_every=3, weight_decay=0.01)
    clock = Budget().clock()
    assert fit(net, net.parameters(), loss, images=23, plan=plan, seed=4, clock=clock, checkpoint=path) == 11
    return list(net.state_dict().values())


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_an_interrupted_run_ends_as_an_uninterrupted_one(tmp_path: Path, optimizer: str) -> None:
    state = torch.random.get_rng_state()
    wanted = run(None, optimizer)
    assert torch.equal(state, torch.random.get_rng_state())
    path = tmp_path / "deep" / "run.safetensors"
    with pytest.raises(_Stop):
        run(path, optimizer, stop=8)
    assert path.is_file()
    got = run(path, optimizer)
    assert all(torch.equal(one, other) for one, other in zip(wanted, got, strict=True))
    path.write_bytes(b"damaged")
    got = run(path, optimizer)
    assert all(torch.equal(one, other) for one, other in zip(wanted, got, strict=True))


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 9))
def test_an_epoch_shows_every_image_once(images: int, size: int, seed: int) -> None:
    steps = -(-images // min(size, images))
    shown = [batch_of(step, images, size, seed) for step in range(steps, 2 * steps)]
    assert set(np.concatenate(shown)) == set(range(images))
    assert sum(map(len, shown)) <= images + (images if size == 1 else 1)
    assert images == 1 or min(map(len, shown)) > 1


def test_a_loss_that_is_no_number_ends_it() -> None:
    net = nn.Linear(1, 1)
    plan = Plan(steps=5, batch_size=1, learning_rate=0.1)
    clock = Budget().clock()
    done = fit(net, net.parameters(), lambda *_: net.weight.sum() * float("nan"), images=4, plan=plan, seed=0,
               clock=clock)  # fmt: skip
    assert done == 0
    assert torch.isfinite(net.weight).all()
    with pytest.raises(ConfigError, match="optimizer"):
        Plan(steps=1, batch_size=1, learning_rate=0.1, optimizer="adagrad")


def test_learning_rates_fall_as_a_cosine() -> None:
    plan = Plan(steps=10, batch_size=1, learning_rate=2.0)
    assert [plan.rate(step) for step in (0, 5)] == pytest.approx([2.0, 1.0])
    assert Plan(steps=10, batch_size=1, learning_rate=2.0, schedule="constant").rate(9) == 2.0
