"""Successive halving: who goes on, what it costs, and that a budget is used but never exceeded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.prompts.halving import Budget, Plan, Rung, best_third, goodness, make_plan

objectives = st.tuples(st.integers(-100, 100).map(lambda whole: whole / 100), st.none() | st.integers(1, 80))


@given(st.lists(objectives, min_size=1, max_size=40), st.integers(1, 40))
def test_each_rung_promotes_the_best_third(found: list[tuple[float, int | None]], most: int) -> None:
    keys = list(enumerate(found))
    going = best_third(keys, most, order=lambda key: goodness(*key[1]))
    assert len(going) == min(most, (len(keys) + 2) // 3)
    assert len({number for number, _ in going}) == len(going)
    left = [key for key in keys if key not in going]
    for _, (worst, rank) in going:
        for _, (other, other_rank) in left:
            # In whole percent, and of equals the less guessable: in no list before a late place before an early one.
            assert worst > other or (worst == other and (rank or 1000) >= (other_rank or 1000))


def test_less_than_a_percent_is_a_tie_that_guessability_settles() -> None:
    assert goodness(0.504, None) < goodness(0.496, 80) < goodness(0.504, 3)
    assert goodness(0.504, None) < goodness(0.501, None)
    assert goodness(0.52, 1) < goodness(0.50, None)


@given(
    edits=st.integers(2000, 60_000),
    pilots=st.integers(4, 30),
    sizes=st.lists(st.tuples(st.integers(8, 64), st.integers(0, 64)), min_size=1, max_size=3),
    near=st.integers(0, 4),
    listed=st.integers(1, 30),
    pilot_edits=st.integers(1, 800),
)
def test_a_plan_is_the_largest_within_its_budget(
    edits: int, pilots: int, sizes: list[tuple[int, int]], near: int, listed: int, pilot_edits: int
) -> None:
    images, fresh = [one for one, _ in sizes], [min(pair) for pair in sizes]
    fresh[0] = images[0]

    def cost(searched: int) -> tuple[int, int]:
        """(edits, trainings), written out once more."""
        total, groups = 0, [searched, listed]
        for place, new in enumerate(fresh):
            each = new + (near * images[place] if place == len(fresh) - 1 else 0)
            total += sum(groups) * each
            groups = [(count + 2) // 3 for count in groups]
        trainings = min(groups[0], pilots - 3) + 3
        return total + trainings * pilot_edits, trainings

    budget, least = Budget(edits=edits, pilots=pilots), cost(3 ** len(sizes))[0]
    wanted = {"listed": listed, "images": images, "fresh": fresh, "near": near, "pilot_edits": pilot_edits}
    if edits < least:
        with pytest.raises(ConfigError, match=f"expected at least {least},"):
            make_plan(budget, **wanted)  # type: ignore[arg-type]
        return
    plan = make_plan(budget, **wanted)  # type: ignore[arg-type]
    searched = plan.rungs[0].searched
    assert (plan.edits, plan.trainings) == cost(searched)
    assert plan.edits <= edits < cost(searched + 1)[0]
    assert plan.trainings <= pilots
    assert plan.pilots >= 1
    for rung, following in zip(plan.rungs, plan.rungs[1:], strict=False):
        assert following.searched == -(-rung.searched // 3)
        assert following.listed == -(-rung.listed // 3)


def test_a_plan_says_all_that_it_costs() -> None:
    rungs = (Rung(searched=27, listed=21, images=16, fresh=16), Rung(searched=9, listed=7, images=32, fresh=16))
    plan = Plan(rungs=rungs, near=2, pilots=2, pilot_edits=320)
    assert plan.score_edits == (48 * 16, 16 * (16 + 2 * 32))
    first, second, pilots, total = plan.lines()
    assert first == "rung 1: 27 searched keys and 21 listed prompts on 16 images, 768 edits"
    assert "1280 edits" in second
    assert "2 of searched keys" in pilots
    assert total == "in all at most 3648 edits and 5 trainings"


@pytest.mark.parametrize(("changes", "says"), [({"pilots": 3}, "at least 4"), ({"edits": 0}, "12000 is usual")])
def test_budgets_that_pay_for_nothing(changes: dict[str, int], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Budget(**changes)
