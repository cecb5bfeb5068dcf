"""The space of a key search, and the keys that are drawn from it."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.editors.presets import PRESETS
from spellock.errors import ConfigError
from spellock.prompts.candidate import Candidate
from spellock.prompts.space import Range, Space, space_around, usual_settings
from spellock.prompts.trial import Trial, draw_trial, listed_trial

ends = st.floats(-1000, 1000, allow_nan=False)


@given(ends, ends, st.integers(0, 4), st.integers(0, 99))
def test_a_range_is_never_left(one: float, other: float, digits: int, seed: int) -> None:
    low, high = sorted((one, other))
    drawn = Range(low=low, high=high, digits=digits).draw(random.Random(seed))
    assert low <= drawn <= high
    assert drawn in (low, high, round(drawn, digits))


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_space_around_a_preset_holds_it(preset: str) -> None:
    space, usual = space_around(preset), usual_settings(preset)
    for name, value in usual.items():
        own: Range = getattr(space, name)
        assert own.low <= value <= own.high
        assert value == getattr(PRESETS[preset], name)


@given(st.integers(0, 200))
def test_settings_of_the_same_edit_are_one(seed: int) -> None:
    drawn = space_around("embedded").draw(random.Random(seed))
    assert drawn["guidance_scale"] >= 1
    assert drawn["guidance_scale"] > 1 or drawn["image_guidance_scale"] == 1
    assert drawn["steps"] == int(drawn["steps"])


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("gamma", {"low": 0.6, "high": 0.4}, "lower end first"),
        ("gamma", {"low": 0.0, "high": 0.4}, "within 0.01 to 1"),
        ("weave", {"low": 0.1, "high": 0.6}, "within 0 to 0.5"),
        ("image_guidance_scale", {"low": 0.5, "high": 1.0}, "within 1 to 50"),
        ("steps", {"low": 2.5, "high": 4.0}, "whole numbers"),
        ("weave", {"low": float("nan"), "high": 0.1}, "finite"),
    ],
)
def test_ranges_that_cannot_be_searched(name: str, values: dict[str, float], says: str) -> None:
    space = space_around("embedded")
    with pytest.raises(ConfigError, match=says):
        replace(space, **{name: replace(getattr(space, name), **values)})
    with pytest.raises(ConfigError, match="no preset"):
        space_around("none")


CANDIDATES = [
    *(Candidate(prompt=f"listed {number}", kind="painting") for number in range(30)),
    Candidate(prompt="a hybrid", kind="hybrid"),
]


def test_kinds_are_drawn_alike_however_many_prompts_they_have() -> None:
    space, source = space_around("embedded"), random.Random(0)
    drawn = [draw_trial(number, CANDIDATES, space, source) for number in range(400)]
    assert 150 < sum(one.candidate.kind == "hybrid" for one in drawn) < 250
    assert len({bytes(one.secret) for one in drawn}) == 400


def test_a_trial_is_repeated_by_its_source_and_by_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    space = space_around("embedded")
    one, same = (draw_trial(3, CANDIDATES, space, random.Random(5)) for _ in range(2))
    assert one == same != draw_trial(3, CANDIDATES, space, random.Random(6))
    assert Trial.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    listed = listed_trial(1, CANDIDATES[0], usual_settings("embedded"), random.Random(5))
    assert listed.listed
    assert dict(listed.settings) == usual_settings("embedded")
    for hidden in (one.candidate.prompt, bytes(one.secret).hex(), repr(bytes(one.secret)), "gamma"):
        assert hidden not in repr(one)


def spoilt(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {**values, "secret": "00"},
        {**values, "settings": {"gamma": 1.0}},
        {**values, "kind": "none"},
        {name: value for name, value in values.items() if name != "prompt"},
    ]


def test_damaged_trials_are_refused() -> None:
    one = draw_trial(3, CANDIDATES, space_around("embedded"), random.Random(5))
    for values in spoilt(one.to_dict()):
        with pytest.raises((ConfigError, KeyError)):
            Trial.from_dict(values)
    assert {"gamma", "weave"} < set(one.settings) == set(Space.__dataclass_fields__)
