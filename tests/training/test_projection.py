"""Projection against its formula in NumPy, its laws, and the same gradients as two losses by themselves."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import guided_toy
import numpy as np
import pytest
import torch
import training_toy as toy
from accelerate import Accelerator
from hypothesis import given, settings
from hypothesis import strategies as st
from test_finetune import CONFIG, Kill, dropping, weights
from torch import nn

from spellock.errors import ConfigError
from spellock.training.alone import Passes, forward_apart
from spellock.training.batch_loss import BatchLoss
from spellock.training.combination import Parts, Sum, list_combinations
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import FinetuneResult, finetune
from spellock.training.objectives.teacher import Teacher
from spellock.training.projection import Projection, project

SHAPES, GROUPS = ((4, 3), (3,), (2, 2, 2)), [0, 0, 2]  # group 1 has no parameter


def drawn(seed: int) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    sizes = 10 ** (4 * torch.rand(2, generator=generator) - 2)
    task, lock = ([size * torch.randn(shape, generator=generator) for shape in SHAPES] for size in sizes)
    return task, lock


def flat(tensors: list[torch.Tensor], group: int) -> np.ndarray:
    own = [tensor.numpy().ravel() for tensor, number in zip(tensors, GROUPS, strict=True) if number == group]
    return np.concatenate(own).astype(np.float64)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**31))
def test_the_formula_and_its_laws(seed: int) -> None:
    task, lock = drawn(seed)
    steps, cosine = project(task, lock, GROUPS)
    cosines = []
    for group in (0, 2):
        learn, forget = flat(task, group), flat(lock, group)
        cosines.append(learn @ forget / np.linalg.norm(learn) / np.linalg.norm(forget))
        if learn @ forget < 0:
            forget = forget - (forget @ learn) / (learn @ learn) * learn
        forget = forget * min(1.0, np.linalg.norm(learn) / np.linalg.norm(forget))
        found = flat(steps, group)
        size = np.linalg.norm(learn) + np.linalg.norm(forget)
        np.testing.assert_allclose(found, learn + forget, atol=1e-4 * size)
        assert found @ learn >= (1 - 1e-4) * (learn @ learn), "the task loses nothing"
        assert np.linalg.norm(found - learn) <= (1 + 1e-4) * np.linalg.norm(learn)
    assert float(cosine) == pytest.approx(float(np.mean(cosines)), abs=1e-4)


def test_what_does_not_conflict_is_added_and_without_a_task_the_lock_stays() -> None:
    task, lock = [torch.tensor([2.0, 0.0])], [torch.tensor([0.5, 1.0])]
    assert project(task, lock, [0])[0][0].tolist() == [2.5, 1.0]
    assert project(task, [torch.tensor([-1.0, 1.0])], [0])[0][0].tolist() == [2.0, 1.0]
    assert project(task, [torch.tensor([-1.0, 0.0])], [0])[0][0].tolist() == [2.0, 0.0]
    nothing = [torch.zeros(2)]
    assert project(nothing, lock, [0])[0][0].tolist() == [0.5, 1.0]
    assert project(task, nothing, [0])[0][0].tolist() == [2.0, 0.0]


@pytest.mark.parametrize("coupled", [True, False], ids=["BatchNorm", "none"])
@pytest.mark.parametrize("guided", [True, False])
def test_both_gradients_are_those_of_their_own_images_in_one_forward_pass(coupled: bool, guided: bool) -> None:
    """The task's and the lock's part of the loss, each backward through a forward pass of its own."""
    model = toy.model().train() if coupled else guided_toy.reading().train()
    pixels = torch.from_numpy(guided_toy.images()[:24]).permute(0, 3, 1, 2).float() / 255
    targets, kinds = torch.from_numpy(toy.labels()[:24]), toy.authorised()[:24]
    alone = np.zeros(24, dtype=bool) if coupled else ~kinds
    guide = None
    if guided:
        guide = opened(guided_toy.reading(), model)
    rows = np.flatnonzero(kinds)
    answers = torch.randn(len(rows), 3, generator=torch.Generator().manual_seed(1)) if guided else None

    def loss(network: nn.Module) -> BatchLoss:
        return BatchLoss(
            task=toy.TASK, logits=forward_apart(network, pixels, alone, network), targets=targets,
            indices=np.arange(24), authorised=kinds, guide=guide, answers=answers,
        )  # fmt: skip

    def gradients(of: str) -> list[torch.Tensor]:
        other = copy.deepcopy(model)
        whole = loss(other)
        value = whole.whole() if of == "whole" else getattr(whole.parts(), of)
        value.backward()
        return [one.grad for one in other.parameters()]

    task, lock, whole = gradients("task"), gradients("lock"), gradients("whole")
    for a, b, c in zip(task, lock, whole, strict=True):
        torch.testing.assert_close(a + b, c, atol=1e-5, rtol=1e-3)
    network = copy.deepcopy(model)
    combiner = Projection().open(network)
    combiner.backward(loss(network), Accelerator())
    steps, _ = project(task, lock, combiner._groups)
    for parameter, step in zip(network.parameters(), steps, strict=True):
        torch.testing.assert_close(parameter.grad, step, atol=1e-5, rtol=1e-3)


def opened(teacher: object, model: object) -> object:
    from spellock.training.guide import Guide

    return Guide(
        guided_toy.guidance(Teacher(), teacher),  # type: ignore[arg-type]
        CONFIG, authorised=toy.authorised(), model=model, device=torch.device("cpu"),  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_part_of_one_pass_leads_into_that_pass_only() -> None:
    """So that parts without common statistics cost one backward pass together."""
    rest, apart = torch.ones(3, 2, requires_grad=True), torch.ones(2, 2, requires_grad=True)
    alone = np.array([False, True, False, True, False])
    passes = Passes((2 * rest, 3 * apart), alone)
    assert passes.joined().tolist() == [[2, 2], [3, 3], [2, 2], [3, 3], [2, 2]]
    some = np.array([True, False, False, False, True])
    assert torch.autograd.grad(passes.at(some).sum(), [rest, apart], allow_unused=True)[1] is None
    assert torch.autograd.grad(passes.at(alone).sum(), [rest, apart], allow_unused=True)[0] is None
    mixed = np.array([False, False, True, True, False])
    assert passes.at(mixed).tolist() == [[2, 2], [3, 3]]


class Told:
    """A loss whose parts are given."""

    def __init__(self, task: torch.Tensor, lock: torch.Tensor) -> None:
        self._parts = Parts(task=task, lock=lock, share=0.5)

    def parts(self) -> Parts:
        return self._parts


def test_the_lock_gives_way_while_the_task_is_above_its_limit() -> None:
    network = nn.Linear(2, 1)
    combiner = Projection(task_loss_limit=1.0).open(network)
    weight, average = 0.0, None
    for loss in (2.0, 2.0, 0.1, 0.1, 5.0, *[0.0] * 200):
        out = network(torch.ones(1, 2)).sum()
        task, lock = 0.5 * (loss + 0 * out), out
        value = combiner.backward(Told(task, lock), Accelerator())  # type: ignore[arg-type]
        average = loss if average is None else 0.95 * average + 0.05 * loss
        weight = min(max(weight + 0.05 * (1.0 - average), math.log(0.05)), math.log(10))
        assert float(value) == pytest.approx(0.5 * loss + math.exp(weight) * float(out.detach()), rel=1e-4, abs=1e-5)
        assert float(network.bias.grad) == pytest.approx(math.exp(weight), rel=1e-5)
    row = combiner.row()
    assert row["log_lock_weight"] == pytest.approx(math.log(10))
    assert row["task_loss"] == pytest.approx(average)
    other = Projection(task_loss_limit=1.0).open(network)
    other.resume(row)
    assert (other._weight, other._loss) == (row["log_lock_weight"], row["task_loss"])


def train(out: Path, model: object, combination: object, config: FinetuneConfig, **more: object) -> FinetuneResult:
    arguments = {"authorised": toy.authorised(), "raw": ~toy.authorised()} | more
    return finetune(
        model, guided_toy.images(), toy.labels(), toy.TASK, config, out, combination=combination, **arguments,  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    config = FinetuneConfig(epochs=3, batch_size=32, unauthorised_share=0.5, alone_share=0.5, precision="fp32")
    combination, whole, resumed, calls = Projection(task_loss_limit=0.7), dropping(), dropping(), 0
    rows = train(tmp_path / "whole", whole, combination, config).history
    assert rows[0]["log_lock_weight"] != rows[1]["log_lock_weight"]
    assert -1 <= rows[0]["gradient_cosine"] <= 1

    def killing(_: object) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise Kill
        return {"score": 0.0}

    with pytest.raises(Kill):
        train(tmp_path / "killed", dropping(), combination, config, validate=killing)
    scores = iter((1.0, 2.0))
    result = train(tmp_path / "killed", resumed, combination, config, validate=lambda _: {"score": next(scores)})
    assert result.resumed_from == 1
    assert weights(resumed) == weights(whole)
    with pytest.raises(ConfigError, match=r"\(combination differ"):
        train(tmp_path / "killed", dropping(), Projection(), config)


def test_it_is_not_the_sum_and_needs_to_know_who_is_authorised(tmp_path: Path) -> None:
    assert list_combinations() == ["projection", "sum"]
    config = FinetuneConfig(epochs=1, batch_size=32, unauthorised_share=0.5, precision="fp32")
    one, other = dropping(), dropping()
    train(tmp_path / "projection", one, Projection(), config)
    train(tmp_path / "sum", other, Sum(), config)
    assert weights(one) != weights(other)
    assert "Projection(task_loss_limit=None)" in (tmp_path / "projection" / "config.json").read_text()
    plain = FinetuneConfig(epochs=1, batch_size=32, precision="fp32")
    with pytest.raises(ConfigError, match="which images are authorised"):
        train(tmp_path / "nobody", dropping(), Projection(), plain, authorised=None, raw=None)
