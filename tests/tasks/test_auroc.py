"""AUROC and average precision against their definitions, written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.errors import DataError
from spellock.tasks.auroc import (
    aurocs,
    average_precisions,
    judgeable,
    multilabel_scores,
    redrawn_aurocs,
    redrawn_precisions,
    redraws,
)


def mann_whitney(scores, labels) -> float:
    """Share of pairs (with, without) in which the one with the finding scores higher, ties half."""
    pairs = [(a > b) + 0.5 * (a == b) for a in scores[labels == 1] for b in scores[labels == 0]]
    return float(np.mean(pairs)) if pairs else float("nan")


def steps(scores, labels) -> float:
    """Precision at each distinct threshold, weighted by the recall it adds."""
    value = seen = 0.0
    for threshold in sorted(set(scores.tolist()), reverse=True):
        taken = scores >= threshold
        recall = labels[taken].sum() / labels.sum()
        value, seen = value + (recall - seen) * labels[taken].mean(), recall
    return value


cases = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=1, max_size=25)


@settings(deadline=None)
@given(cases)
def test_auroc_is_mann_whitneys_statistic(pairs) -> None:
    scores, labels = np.array(pairs).T
    expected = mann_whitney(scores, labels)
    assert aurocs(scores[:, None].astype(float), labels[:, None]) == pytest.approx([expected], nan_ok=True)
    once = redrawn_aurocs(scores[:, None], labels[:, None], np.ones((1, len(labels)), np.float32))
    assert once[0] == pytest.approx([expected], nan_ok=True)
    if not np.isnan(expected):
        assert average_precisions(scores[:, None], labels[:, None]) == pytest.approx([steps(scores, labels)])
        weights = np.ones((1, len(labels)), np.float32)
        assert redrawn_precisions(scores[:, None], labels[:, None], weights)[0] == pytest.approx(
            [steps(scores, labels)]
        )
        assert aurocs(-scores[:, None], labels[:, None]) == pytest.approx([1 - expected])


@settings(deadline=None)
@given(cases, st.integers(0, 2**32))
def test_weights_are_copies_of_images(pairs, seed) -> None:
    scores, labels = np.array(pairs).T
    weights = redraws(len(labels), None, draws=3, seed=seed)
    assert (weights.sum(axis=1) == len(labels)).all()
    found = redrawn_aurocs(scores[:, None], labels[:, None], weights)
    for row, times in zip(found[:, 0], weights.astype(int), strict=True):
        assert row == pytest.approx(mann_whitney(np.repeat(scores, times), np.repeat(labels, times)), nan_ok=True)


def test_patients_are_redrawn_whole() -> None:
    patients = ["a", "b", "a", "c", "b"]
    weights = redraws(5, patients, draws=50, seed=0)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 1] == weights[:, 4]).all()
    assert (weights[:, [0, 1, 3]].sum(axis=1) == 3).all()


def test_scores_with_intervals_and_what_is_left_out() -> None:
    draws = np.random.default_rng(0)
    labels = np.stack([draws.integers(0, 2, 300), np.zeros(300, int), np.ones(300, int), np.arange(300) % 2], axis=1)
    scores = labels + draws.normal(size=labels.shape)
    found = multilabel_scores(scores, labels, ("a", "never", "always", "b"), draws=300)
    assert found.left_out == ("never", "always")
    expected = [mann_whitney(scores[:, place], labels[:, place]) for place in (0, 3)]
    assert [found.auroc[name][0] for name in ("a", "b")] == pytest.approx(expected)
    assert found.macro[0] == pytest.approx(np.mean(expected))
    assert found.mean_average_precision == pytest.approx(
        np.mean([steps(scores[:, place], labels[:, place]) for place in (0, 3)])
    )
    for value, low, high in (*found.auroc.values(), found.macro):
        assert low < value < high
        # Hanley and McNeil's standard error at 0.76 with 150 of each is 0.027.
        assert 0.03 < high - low < 0.16
    owners = [str(number) for number in np.repeat(np.arange(300), 4)]
    copies = multilabel_scores(np.repeat(scores, 4, 0), np.repeat(labels, 4, 0), ("a", "n", "y", "b"), patients=owners)
    width = found.macro[2] - found.macro[1]
    assert copies.macro[2] - copies.macro[1] == pytest.approx(width, rel=0.25), "copies add nothing"


def test_intervals_cover_the_truth() -> None:
    """Nineteen in twenty; with 200 repetitions the count is within 4.5 standard deviations of 190."""
    from statistics import NormalDist

    truth, hits = NormalDist().cdf(1 / np.sqrt(2)), 0
    for seed in range(200):
        draws = np.random.default_rng(seed)
        labels = (np.arange(120) % 2)[:, None]
        _, low, high = multilabel_scores(
            labels + draws.normal(size=(120, 1)), labels, ("x",), draws=200, seed=seed
        ).macro
        hits += low <= truth <= high
    assert 176 <= hits <= 200


def test_findings_that_can_be_judged_in_every_part() -> None:
    labels = np.array([[1, 1, 0], [0, 1, 0], [1, 0, 0], [0, 1, 0]])
    assert judgeable(labels).tolist() == [0, 1]
    assert judgeable(labels, np.array([0, 1]), np.array([2, 3])).tolist() == [0]
    with pytest.raises(DataError, match="no finding has both"):
        multilabel_scores(np.zeros((4, 1)), labels[:, 2:], ("x",))
    with pytest.raises(DataError, match="expected \\(N, 3\\) both"):
        multilabel_scores(np.zeros((4, 2)), labels, ("a", "b", "c"))


def test_what_cannot_be_ranked_is_named() -> None:
    labels = np.array([[1], [0], [1]])
    for bad in (np.nan, np.inf):
        with pytest.raises(DataError, match="some scores are not finite"):
            multilabel_scores(np.array([[0.1], [bad], [0.3]]), labels, ["a"])
    with pytest.raises(DataError, match="got 2 patients for 3 images"):
        multilabel_scores(np.zeros((3, 1)), labels, ["a"], patients=["x", "y"])
