"""Laws of the stratified split."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data.split import stratified_take

LABELS = st.lists(st.integers(0, 6), min_size=1, max_size=120).map(np.array)


def ranks(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count).astype(np.uint64)


@settings(max_examples=150, deadline=None)
@given(LABELS, st.floats(0, 1), st.integers(0, 2), st.integers(0, 2))
def test_every_class_gives_its_share_within_its_limits(labels, share, minimum, leave) -> None:
    taken = stratified_take(labels, share, ranks(len(labels)), minimum=minimum, leave=leave)
    for label in np.unique(labels):
        size, got = (labels == label).sum(), taken[labels == label].sum()
        most = max(0, size - leave)
        assert got <= most
        assert got >= min(minimum, most)
        if min(minimum, most) < np.floor(size * share) <= most:
            assert abs(got - size * share) <= 1 + 1e-6


@settings(max_examples=80, deadline=None)
@given(LABELS, st.floats(0, 1))
def test_total_is_the_nearest_whole_number(labels, share) -> None:
    taken = stratified_take(labels, share, ranks(len(labels)), leave=0)
    assert abs(taken.sum() - len(labels) * share) <= 0.5 + 1e-6


@settings(max_examples=50, deadline=None)
@given(LABELS, st.integers(0, 1000))
def test_the_order_of_reading_does_not_matter(labels, seed) -> None:
    order = np.random.default_rng(seed).permutation(len(labels))
    random = ranks(len(labels))
    taken = stratified_take(labels, 0.3, random)
    assert np.array_equal(stratified_take(labels[order], 0.3, random[order]), taken[order])


def test_the_papers_share() -> None:
    labels = np.repeat(np.arange(10), 100)
    taken = stratified_take(labels, 1 - 0.95, ranks(1000), minimum=1)
    assert np.bincount(labels[taken]).tolist() == [5] * 10
    other = stratified_take(labels, 1 - 0.95, ranks(1000, seed=1), minimum=1)
    assert not np.array_equal(taken, other)
