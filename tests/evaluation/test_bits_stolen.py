"""Bits stolen agree with a coder that sends one label after another, and are none where nothing was stolen."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.errors import DataError
from spellock.evaluation.bits_stolen import (
    TRUST,
    Bits,
    bits_stolen,
    code_length,
    label_costs,
    mean_bits,
    mixed_bits,
)


def world(count: int, classes: int, skill: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    labels = draws.integers(classes, size=count)
    return draws.normal(size=(count, classes)) + skill * np.eye(classes)[labels], labels


def sent(blocks: list[tuple[np.ndarray, np.ndarray]], first: int) -> float:
    """Bits of a coder written down plainly: a label at a time, one weight a trust, updated after each label."""
    classes = blocks[0][0].shape[1]
    bits, weights = first * math.log2(classes), [1 / len(TRUST)] * len(TRUST)
    for scores, labels in blocks:
        centred = [[value - sum(row) / classes for value in row] for row in scores]
        size = math.sqrt(sum(value**2 for row in centred for value in row) / (len(scores) * classes))
        for row, label in zip(centred, labels, strict=True):
            chances = []
            for trust in TRUST:
                powers = [math.exp(trust * value / size) for value in row]
                chances.append(powers[label] / sum(powers))
            chance = sum(weight * one for weight, one in zip(weights, chances, strict=True))
            bits -= math.log2(chance)
            weights = [weight * one / chance for weight, one in zip(weights, chances, strict=True)]
    return bits


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.integers(2, 6), st.floats(0, 6))
def test_the_code_is_that_of_a_plain_coder(seed: int, classes: int, skill: float) -> None:
    blocks = [world(9, classes, skill, seed), world(17, classes, skill, seed + 1)]
    costs = [label_costs(*block) for block in blocks]
    assert code_length(5, classes, costs) == pytest.approx(sent(blocks, 5))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0, 6), st.floats(0.001, 1000), st.floats(-50, 50))
def test_scale_and_offset_of_scores_do_not_matter(seed: int, skill: float, scale: float, offset: float) -> None:
    scores, labels = world(20, 4, skill, seed)
    assert label_costs(scale * scores + offset, labels) == pytest.approx(label_costs(scores, labels), rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 999), st.floats(0, 6))
def test_mixing_costs_no_more_than_naming_the_best_trust(seed: int, skill: float) -> None:
    costs = label_costs(*world(60, 5, skill, seed))
    assert costs.min() >= 0
    total = mixed_bits(costs).sum()
    assert total <= costs.sum(axis=1).min() + math.log2(len(TRUST)) + 1e-9
    assert total <= 60 * math.log2(5) + math.log2(len(TRUST)) + 1e-9  # equal probabilities are one of the trusts


def test_a_better_reader_steals_bits_and_an_equal_one_none() -> None:
    poor, good = (label_costs(*world(300, 8, skill, seed=3)) for skill in (0.0, 4.0))
    found = bits_stolen(20, [good], [poor])
    assert found.value == pytest.approx(code_length(20, 8, [poor]) - code_length(20, 8, [good]))
    assert 0 < found.low < found.value < found.high
    assert found.labels == 320
    assert 1 < found.per_label < math.log2(8)
    assert bits_stolen(20, [poor], [good]).value == pytest.approx(-found.value)
    same = bits_stolen(20, [good], [good])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_readers_of_nothing_save_nothing_on_average() -> None:
    inside = 0
    for seed in range(100):
        labels = np.random.default_rng([seed, 1]).integers(10, size=200)
        one, other = (label_costs(np.random.default_rng([seed, k]).normal(size=(200, 10)), labels) for k in (2, 3))
        found = bits_stolen(10, [one], [other])
        assert abs(found.value) < 0.1 * 200
        inside += found.low <= 0 <= found.high
    assert inside >= 85


def test_scores_that_say_nothing_cost_equal_probabilities() -> None:
    labels = np.arange(6) % 3
    for scores in (np.full((6, 3), np.nan), np.zeros((6, 3)), np.full((6, 3), 7.0)):
        assert mixed_bits(label_costs(scores, labels)) == pytest.approx(np.full(6, math.log2(3)))


def test_draws_are_averaged_and_mistakes_explained() -> None:
    bits = [Bits(value=v, low=v - 1, high=v + 2, labels=50) for v in (10.0, 20.0)]
    assert mean_bits(bits) == Bits(value=15, low=14, high=17, labels=50)
    with pytest.raises(DataError, match="one label"):
        label_costs(np.zeros((3, 2)), np.array([0, 1]))
    with pytest.raises(DataError, match="one label"):
        label_costs(np.zeros((2, 2)), np.array([0, 2]))
    block = label_costs(np.zeros((3, 2)), np.array([0, 1, 1]))
    for locked, control in (([], []), ([block], [block[:, :2]])):
        with pytest.raises(DataError, match="same labels"):
            bits_stolen(1, locked, control)
    with pytest.raises(DataError, match="no draws"):
        mean_bits([])
