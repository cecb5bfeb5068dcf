"""A key search that was stopped, or is asked again with other wishes."""

from __future__ import annotations

from pathlib import Path

import pytest

from spellock.prompts.halving import Budget
from spellock.recipes.search_trials import PUBLIC_SECRET, repeatable

from .key_search_toy import Editors, config, search, without_times


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stop_at", [100, 400])
def test_stopped_work_goes_on(data: Path, tmp_path: Path, stop_at: int) -> None:
    whole = Editors()
    wanted = search(data, tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        search(data, tmp_path / "out", Editors(stop_at))
    rest = Editors()
    assert without_times(search(data, tmp_path / "out", rest)) == without_times(wanted)
    assert whole.edited - stop_at <= rest.edited < whole.edited - stop_at + 2 * 16
    again = Editors()
    assert without_times(search(data, tmp_path / "out", again)) == without_times(wanted)
    assert again.edited == 0


@pytest.mark.usefixtures("quick")
def test_a_larger_budget_keeps_the_keys_of_a_smaller_one(data: Path, tmp_path: Path) -> None:
    small = search(data, tmp_path / "out", randomness=repeatable(0))
    large = search(data, tmp_path / "out", config=config(budget=Budget(edits=1000, pilots=5)), randomness=repeatable(1))
    count = len(small.tried)
    assert len(large.tried) > count
    assert [one.trial for one in large.tried[:count]] == [one.trial for one in small.tried]


@pytest.mark.usefixtures("quick")
def test_other_wishes_and_damaged_files_draw_again(data: Path, tmp_path: Path) -> None:
    changed = search(data, tmp_path / "out", config=config(fresh_secret=True))
    assert {bytes(one.trial.secret) for one in changed.tried} == {PUBLIC_SECRET}
    assert changed.bits_lost == 0
    (tmp_path / "out" / "trials.json").write_text('{"wishes": 1, "tri')
    again = search(data, tmp_path / "out")
    assert len({bytes(one.trial.secret) for one in again.tried}) == len(again.tried) == len(changed.tried)
