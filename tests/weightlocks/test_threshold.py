"""The radix search against a plain sort."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.weightlocks.threshold import choose, find_threshold, sortable

floats = st.floats(width=32, allow_nan=False)


@given(st.lists(floats, min_size=1, max_size=60))
def test_bits_sort_like_numbers(values: list[float]) -> None:
    array = np.array(values, dtype=np.float32) + np.float32(0)
    assert (sortable(torch.tensor(values)).argsort(kind="stable") == array.argsort(kind="stable")).all()


def test_nan_is_lowest() -> None:
    bits = sortable(torch.tensor([float("nan"), -torch.inf, -1.0]))
    assert bits[0] == bits[1] < bits[2]


@given(
    st.lists(st.lists(st.sampled_from([-2.5, -0.0, 0.0, 0.5, 1.0, 3.0]) | floats, max_size=12), min_size=1, max_size=5),
    st.integers(0, 60),
)
def test_as_many_as_the_budget_best_first(parts: list[list[float]], budget: int) -> None:
    tensors = [torch.tensor(part, dtype=torch.float32) for part in parts]
    threshold = find_threshold(lambda: ((part, 1) for part in tensors), budget)
    chosen = list(choose(((part, 1) for part in tensors), threshold))
    everything = np.concatenate([part.numpy() for part in tensors]) + np.float32(0)
    # A stable sort: of equal scores the first ones.
    best = np.sort(np.argsort(-everything, kind="stable")[:budget])
    starts = np.cumsum([0, *map(len, parts)])
    assert np.concatenate([places + start for places, start in zip(chosen, starts, strict=False)]).tolist() == (
        best.tolist()
    )


@given(st.lists(st.tuples(floats, st.integers(1, 9)), min_size=1, max_size=20, unique_by=lambda pair: pair[0]))
def test_costs_add_up_to_at_most_the_budget(pairs: list[tuple[float, int]]) -> None:
    pairs = [(value, cost) for value, cost in pairs if value != 0]
    budget = sum(cost for _, cost in pairs) // 2
    parts = [(torch.tensor([value], dtype=torch.float32), cost) for value, cost in pairs]
    threshold = find_threshold(lambda: iter(parts), budget)
    chosen = [len(places) > 0 for places in choose(iter(parts), threshold)]
    expected, left = set(), budget
    for number in sorted(range(len(pairs)), key=lambda i: -np.float32(pairs[i][0])):
        if pairs[number][1] > left:
            break
        left -= pairs[number][1]
        expected.add(number)
    assert {number for number, taken in enumerate(chosen) if taken} == expected
