"""A thief's seconds and steps: of the attack as a whole, shared by its runs, heeded by every attack that trains."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from spellock.attacks import fitting
from spellock.attacks.budget import Budget, Clock
from spellock.attacks.customer import Customer
from spellock.attacks.registry import make_attack

from . import colours


class Time:
    """A clock of a machine on which every look at it takes a second, and nothing else any time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr("spellock.attacks.budget.time", made)
    return made


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[int, ...]]:
    """Steps done so far, by the number of images that a run trains on and the number of the run with it."""
    done: Counter[tuple[int, ...]] = Counter()
    inner, runs = fitting.batch_of, [0]

    def counted(step: int, images: int, batch_size: int, seed: int) -> np.ndarray:
        runs[0] += step == 0
        done[runs[0], images] += 1
        return inner(step, images, batch_size, seed)

    monkeypatch.setattr(fitting, "batch_of", counted)
    return done


def test_a_part_is_an_equal_share_of_what_is_left(time: Time) -> None:
    whole = Budget(seconds=100).clock()
    time.now = 41
    first = whole.part(3)
    time.now = 60
    assert not first.over
    time.now = 61.9
    assert first.over
    assert not whole.over
    time.now = 102
    assert whole.over
    assert whole.part(2).over
    assert not Clock(None).part(2).over


@pytest.mark.parametrize("name", ["finetune", "pruning", "key-places"])
def test_seconds_are_of_the_whole_attack_and_every_run_has_its_share(
    name: str, time: Time, steps: Counter[tuple[int, ...]]
) -> None:
    view = colours.view(colours.trained(), budget=Budget(seconds=80), **colours.with_labels(20))
    make_attack(name, {"steps": 500, "batch_size": 8})(view)
    assert 40 < sum(steps.values()) <= 80
    assert len(steps) == 4  # three rates, and the last run
    assert min(steps.values()) >= 10


def test_a_copy_of_many_trainings_ends_with_the_last_of_them(time: Time, steps: Counter[tuple[int, ...]]) -> None:
    view = colours.view(colours.trained(), budget=Budget(seconds=90))
    answers = np.eye(colours.CLASSES, dtype=np.float32)[np.arange(200) % colours.CLASSES]
    view = replace(view, customer=Customer(answers, limit=40))
    make_attack("few-call", {"steps": 500, "batch_size": 8})(view)
    assert sum(steps.values()) <= 90
    assert len(steps) == 3
    assert min(steps.values()) >= 15


def test_the_mlp_probe_keeps_to_steps_and_seconds(time: Time, steps: Counter[tuple[int, ...]]) -> None:
    view = colours.view(colours.trained(), budget=Budget(steps=3), **colours.with_labels(20))
    make_attack("mlp")(view)
    assert set(steps.values()) == {3}
    steps.clear()
    view = colours.view(colours.trained(), budget=Budget(seconds=200), **colours.with_labels(20))
    assert make_attack("mlp")(view)[0].predict(torch.zeros(2, 3, 16, 16)).shape == (2, colours.CLASSES)
    assert 50 < sum(steps.values()) <= 200


def test_a_view_of_a_view_has_no_new_time(time: Time) -> None:
    view = colours.view(colours.trained(), budget=Budget(seconds=10))
    time.now = 11
    assert replace(view, seed=1).clock.over
