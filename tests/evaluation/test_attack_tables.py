"""Text, CSV and JSON of attacks agree and give nothing away; differences come with an interval that holds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from spellock.evaluation.accuracy import Z95, Estimate, paired_difference
from spellock.evaluation.attack_plan import trials
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.attack_row import AttackRow

from ..attacks import colours
from .attacked_world import PROMPT, run
from .fakes import labels_of


def test_the_tables_say_the_same(tmp_path: Path) -> None:
    report = run(trials(["prototypes", "tent"]), public=colours.locked())
    plain, lines = report.to_dict(), list(csv.DictReader(io.StringIO(report.to_csv())))
    assert len(plain["attacks"]) == len(lines) == len(report.rows) == 3
    assert float(lines[0]["accuracy"]) == plain["attacks"][0]["accuracy"]
    assert float(lines[0]["advantage_low"]) == plain["attacks"][0]["advantage_low"]
    assert lines[2]["accuracy"] == ""
    assert "normalisation" in lines[2]["skipped"]
    text = report.to_text()
    for word in ("prototypes, 8 labels", "strongest, 24 labels", "chance 25.0 %", "normalisation"):
        assert word in text
    for written in (repr(plain), report.to_csv(), text):
        assert PROMPT not in written


def test_what_was_not_run_stands_below_the_table_by_reason() -> None:
    done = AttackRow(
        attack="tent", variant="", level="weights", accuracy=Estimate(value=0.5, low=0.4, high=0.6, images=90)
    )
    missing = [
        AttackRow(attack="key-part", variant=f"a rather long variant of it {number}", level="part", skipped=reason)
        for number, reason in enumerate(["nothing leaked", "no prompt", "nothing leaked"])
    ]
    report = AttackReport(rows=(missing[0], done, *missing[1:]), strongest={}, chance=0.1, facts={})
    table, chance, *below = report.to_text().split("\n\n")
    assert table.splitlines()[1].split() == ["tent", "50.0", "%", "40.0", "to", "60.0"]
    assert table.splitlines()[0].index("accuracy") == table.splitlines()[1].index("50.0 %")
    assert chance == "chance 10.0 %"
    assert [" ".join(reason.split()) for reason in below] == [
        f"not run, nothing leaked: {missing[0].name}; {missing[2].name}",
        f"not run, no prompt: {missing[1].name}",
    ]
    assert max(map(len, report.to_text().splitlines())) <= 100


def test_a_paired_difference_is_that_of_agresti_and_min() -> None:
    draws = np.random.default_rng(0)
    first, second = draws.random(400) < 0.6, draws.random(400) < 0.5
    b, c = ((first & ~second).sum() + 0.5), ((second & ~first).sum() + 0.5)
    middle, n = (b - c) / 402, 402
    half = Z95 * np.sqrt((b + c) / n - middle**2) / np.sqrt(n)
    found = paired_difference(first, second)
    assert found.value == pytest.approx(first.mean() - second.mean())
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half))
    same = paired_difference(first, first)
    assert same.low < same.value == 0 < same.high


def test_half_of_chance_is_covered() -> None:
    """Differences of two guessers are within their interval about 19 times in 20."""
    inside = 0
    for seed in range(200):
        labels, draws = labels_of(300, seed), np.random.default_rng([seed, 1])
        hits = [draws.integers(10, size=300) == labels for _ in range(2)]
        found = paired_difference(hits[0], hits[1])
        inside += found.low <= 0 <= found.high
    assert 180 <= inside <= 200
