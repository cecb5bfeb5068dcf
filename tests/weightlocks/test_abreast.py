"""Work on many parts in threads: results in order, few of them waiting, and no thread left however it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.weightlocks.abreast import abreast


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("abreast")]


@given(st.lists(st.integers(), max_size=40))
def test_results_come_in_the_order_of_the_items(items: list[int]) -> None:
    assert list(abreast(lambda item: 2 * item, items)) == [2 * item for item in items]
    assert threads() == []


def test_two_are_worked_on_at_once() -> None:
    both = threading.Barrier(2, timeout=10)
    assert list(abreast(lambda item: (both.wait(), item)[1], range(2))) == [0, 1]


def test_items_are_not_taken_long_before_their_results_are() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    results = abreast(lambda item: item, items())
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert len(taken) < 10
    results.close()  # type: ignore[attr-defined]
    assert threads() == []


def test_what_is_raised_comes_in_its_turn() -> None:
    def work(item: int) -> int:
        if item == 3:
            raise ValueError("no")
        return item

    results = abreast(work, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="no"):
        next(results)
    assert threads() == []
