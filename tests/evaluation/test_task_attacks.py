"""The loop over attacks on models of other tasks, with a task made of constants."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch

from spellock.attacks.base import Stolen
from spellock.errors import ConfigError, ModelError, SpellockError
from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.attack_plan import AttackPlan, Trial, trials
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.hardened import Candidate
from spellock.evaluation.task_attacks import Fitting, Got, run_task_attacks

TRIALS = trials(["suppressed"])[:1]


class Half:
    """Every attack names every other image; from public weights it cannot be run."""

    fitting = Fitting(runs=frozenset({"suppressed"}))
    measure, chance, images, facts = "accuracy", 0.5, 8, {}
    split = (np.arange(0, 4), np.arange(4, 8))

    def __init__(self, fails: str, error: type[SpellockError] = ConfigError) -> None:
        self.fails, self.error = fails, error

    def lacks(self, trial: Trial, *, black_box: bool) -> str:
        return ""

    def starts(self, trial: Trial) -> Sequence[str]:
        return ("locked", "public")

    def attack(self, trial: Trial, start: str, row: AttackRow) -> Got:
        if start == self.fails:
            raise self.error("these weights have nothing to look into")
        hits = Candidate(indices=np.arange(8), hits=np.arange(8) % 2 == 0)
        return Got(measured=({"": hits},), stolen=(Stolen(predict=torch.flatten),))

    def more(self, got: Mapping[str, Got]) -> dict[str, Estimate]:
        return {"public": got["public"].first.estimate()} if "public" in got else {}


def test_a_control_that_cannot_be_run_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        (row,) = run_task_attacks(Half("public"), TRIALS, AttackPlan()).rows
    assert row.accuracy is not None
    assert (row.accuracy.value, row.public) == (0.5, None)
    assert "no control with public weights, because these weights have nothing to look into" in caplog.text
    (row,) = run_task_attacks(Half(""), TRIALS, AttackPlan()).rows
    assert row.public is not None
    (row,) = run_task_attacks(Half("locked"), TRIALS, AttackPlan()).rows
    assert row.skipped == "these weights have nothing to look into"
    (row,) = run_task_attacks(Half("locked", ModelError), TRIALS, AttackPlan()).rows
    assert row.skipped == "these weights have nothing to look into"
