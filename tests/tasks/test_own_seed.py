"""A seed of one's own leaves the generators of everybody else alone, those of GPUs too."""

from __future__ import annotations

import pytest
import torch

from spellock.tasks.models import create_model
from spellock.tasks.own_seed import own_seed


def test_draws_repeat_and_leave_no_trace() -> None:
    torch.manual_seed(5)
    wanted = torch.rand(4)
    torch.manual_seed(5)
    drawn = []
    for _ in range(2):
        with own_seed(3):
            drawn.append(torch.rand(4))
    assert torch.equal(*drawn)
    assert torch.equal(torch.rand(4), wanted)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(4), drawn[0])


@pytest.mark.parametrize("name", ["small_resnet8", "fasterrcnn_tiny"])
def test_a_model_made_for_the_cpu_seeds_no_gpu(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`torch.manual_seed` would, also one that the process uses only later."""
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: pytest.fail("a GPU was seeded"))
    create_model(name, num_classes=3, seed=1)


def test_gpus_in_use_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    states = {"0": "theirs", "1": "theirs"}
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda device: states[str(device)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: states.update({str(device): state}))
    monkeypatch.setattr(torch.cuda, "manual_seed_all", lambda seed: states.update({"0": "ours", "1": "ours"}))
    with own_seed(1):
        assert set(states.values()) == {"ours"}
    assert set(states.values()) == {"theirs"}
