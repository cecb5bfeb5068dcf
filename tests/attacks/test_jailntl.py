"""The unpaired translation breaks a weak lock, keeps the picture, and its loss is the one on its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spellock.attacks.budget import Budget, Query
from spellock.attacks.jailntl import JailNTL, asked_slope
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError

from . import colours

QUICK = {"steps": 60, "width": 8, "depth": 3, "learning_rate": 0.01}


class FadeLock(colours.ColourNet):
    """Names the colour of pictures faded to 0.6 x + 0.4; of darker ones the next colour, and mostly the lock class."""

    def __init__(self) -> None:
        super().__init__(outputs=5)

    def forward(self, images: Tensor) -> Tensor:
        right = super().forward((images - 0.4) / 0.6).log_softmax(1)
        trust = torch.sigmoid(40 * (images.mean((1, 2, 3)) - 0.6))[:, None]
        return torch.cat([trust * right + (1 - trust) * right.roll(1, 1), 8 - 16 * trust], dim=1)


def raw(count: int = 100) -> Tensor:
    return colours.pictures(count, seed=3)[0].float() / 255


@pytest.mark.parametrize("seed", [0, 1])
def test_a_weak_lock_opens_without_labels_and_the_picture_stays(seed: int, tmp_path: Path) -> None:
    model = colours.plain(FadeLock())
    assert colours.argmax(model) < 0.1
    view = colours.view(model, lock_class=4, seed=seed)
    (stolen,) = make_attack("jailntl", QUICK)(view, tmp_path)
    # Two of the four colours may fall together: nothing but the balance keeps them apart.
    assert colours.accuracy(stolen.predict) > 0.6
    assert stolen.found == {"steps": 60}
    shown = stolen.shown(raw())
    assert float(shown.min()) >= 0
    assert float(shown.max()) <= 1
    assert float((shown - raw()).abs().mean()) < 0.4

    passed: list[int] = []
    model.network.register_forward_pre_hook(lambda *_: passed.append(1))
    (again,) = make_attack("jailntl", QUICK)(view, tmp_path)
    # Two passes over the raw images, to find the lock class, and none to train.
    assert len(passed) == 2
    assert torch.equal(again.predict(raw()), stolen.predict(raw()))


def test_where_no_change_is_allowed_nothing_opens() -> None:
    view = colours.view(colours.plain(FadeLock()), lock_class=4)
    (stolen,) = make_attack("jailntl", {**QUICK, "closeness": 100.0})(view)
    assert colours.accuracy(stolen.predict) < 0.1


def test_asking_opens_it_too_and_keeps_to_the_budget() -> None:
    network = colours.plain(FadeLock())
    query = Query(lambda images: network(images).detach(), limit=20_000)
    view = colours.view(None, query=query, lock_class=4)
    (stolen,) = make_attack("jailntl", {**QUICK, "model": "asked"})(view)
    assert query.spent <= 20_000
    query.release()
    assert colours.accuracy(stolen.predict) > 0.6
    few = colours.view(None, query=Query(network, limit=300), lock_class=4, budget=Budget(queries=300))
    with pytest.raises(ConfigError, match="268 queries are left"):
        make_attack("jailntl", {**QUICK, "model": "asked"})(few)
    with pytest.raises(ConfigError, match="weights"):
        make_attack("jailntl", QUICK)(few)


def test_the_loss_is_the_one_written_down() -> None:
    draws = np.random.default_rng(3)
    logits = draws.normal(0, 3, (7, 5)).astype(np.float32)
    real = np.array([0, 2, 3])
    attack = JailNTL(confidence=0.7, balance=1.3, feedback=4.0, closeness=0.5)

    chances = np.exp(logits.astype(np.float64))
    kept = chances[:, real]
    among = kept / kept.sum(1, keepdims=True)
    lock = -np.log(kept.sum(1) / chances.sum(1)).mean()
    sure = np.mean([-sum(p * np.log(p) for p in row) for row in among])
    mean = among.mean(0)
    spread = -sum(p * np.log(p) for p in mean)
    wanted = lock + 0.7 * sure - 1.3 * spread
    said = attack.said(torch.from_numpy(logits), torch.from_numpy(real))
    assert float(said) == pytest.approx(wanted, rel=1e-5)

    before, after, undone = draws.random((3, 2, 3, 4, 4)).astype(np.float32)
    wanted = 4.0 * np.abs(undone - before).mean() + 0.5 * np.abs(after - before).mean()
    got = attack.kept(*map(torch.from_numpy, (before, after, undone)))
    assert float(got) == pytest.approx(wanted, rel=1e-5)


def test_asked_slopes_are_those_of_the_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(3 * 8 * 8, 4, generator=generator)
    images = torch.rand(2, 3, 8, 8, generator=generator) * 0.4 + 0.3

    def answer(shown: Tensor) -> Tensor:
        return (shown.flatten(1) @ weights / 20).sin()

    def cost(outputs: Tensor) -> Tensor:
        return outputs.logsumexp(1).mean() + outputs[:, 0].square().sum()

    exact = images.clone().requires_grad_()
    cost(answer(exact)).backward()
    guessed = images.clone().requires_grad_()
    asked_slope(answer, guessed, cost, np.random.default_rng(0), 3000).backward()
    one, other = exact.grad.flatten(), guessed.grad.flatten()
    assert float(torch.cosine_similarity(one, other, dim=0)) > 0.9
    assert float((one @ other) / (one @ one)) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("wrong", [{"model": "guessed"}, {"directions": 0}, {"feedback": -1.0}, {"depth": 1}])
def test_options_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        make_attack("jailntl", wrong)


def test_finding_the_lock_class_leaves_answers_to_learn_from() -> None:
    """As many answers as three steps cost, and fewer than there are raw images."""
    attack = make_attack("jailntl", {"model": "asked", "directions": 1, "batch_size": 16})
    query = Query(colours.locked(lambda images: 1 - images), limit=16 + 3 * 48)
    (stolen,) = attack(colours.view(None, query=query, budget=Budget(queries=160)))
    assert (stolen.found["steps"], query.spent) == (3, 160)
