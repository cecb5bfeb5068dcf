"""Shares and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.evaluation.accuracy import Estimate, mean_of_two, mean_over_keys, proportion, wilson


@given(st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_wilson_limits_solve_the_score_equation(case: tuple[int, int]) -> None:
    correct, total = case
    share = correct / total
    low, high = wilson(correct, total)
    assert 0.0 <= low <= share <= high <= 1.0
    # independent restatement: a limit p is where |share - p| is exactly z standard errors computed at p itself
    for limit in (low, high):
        if 0.0 < limit < 1.0 and limit != share:
            assert abs(share - limit) == pytest.approx(1.959964 * (limit * (1 - limit) / total) ** 0.5, rel=1e-3)


def test_wilson_known_values() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (3, 2), (-1, 5)])
def test_wilson_refuses_impossible_counts(correct: int, total: int) -> None:
    with pytest.raises(ConfigError):
        wilson(correct, total)


def test_wilson_covers_about_95_per_cent() -> None:
    counts = np.random.default_rng(0).binomial(400, 0.1, size=2000)
    covered = np.mean([low <= 0.1 <= high for low, high in (wilson(int(count), 400) for count in counts)])
    assert 0.93 < covered < 0.97


def test_mean_of_two_is_narrower_than_either() -> None:
    first, second = proportion(np.arange(100) < 30), proportion(np.arange(100) < 40)
    both = mean_of_two(first, second)
    assert both.value == pytest.approx(0.35)
    assert both.images == 200
    assert both.high - both.low < first.high - first.low
    zero = Estimate(value=0.0, low=0.0, high=0.04, images=100)
    assert mean_of_two(zero, zero).low == 0.0


def test_mean_over_keys_interval_grows_with_the_spread_of_keys() -> None:
    generator = np.random.default_rng(1)
    alike = generator.random((20, 200)) < 0.3
    unlike = generator.random((20, 200)) < np.linspace(0, 0.6, 20)[:, None]
    one, other = mean_over_keys(alike, seed=0), mean_over_keys(unlike, seed=0)
    assert one.low <= one.value <= one.high
    assert other.high - other.low > 2 * (one.high - one.low)
    assert one == mean_over_keys(alike, seed=0)
