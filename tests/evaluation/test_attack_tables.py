"""Text, CSV and JSON of attacks agree and give nothing away; differences come with an interval that holds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from spellock.evaluation.accuracy import Z95, paired_difference
from spellock.evaluation.attack_plan import trials

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
