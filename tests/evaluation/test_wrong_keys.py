"""The rule that chooses wrong keys."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spellock.editors.vocabulary import (
    IRRELEVANT_OBJECTS,
    RELEVANT_OBJECTS,
    STYLE_PROMPTS,
    object_prompt,
    style_prompts,
)
from spellock.errors import ConfigError
from spellock.evaluation.near_prompts import near_prompts
from spellock.evaluation.wrong_keys import choose_wrong_keys
from spellock.key import Key


def _key(**settings: str | int | None) -> Key:
    return Key(editor="diffusion", settings={"steps": 5, **settings}, secret=bytes(range(32)), gamma=0.4, resolution=32)


def test_twenty_keys_by_the_rule_each_wrong_in_one_thing() -> None:
    key = _key(prompt="with oil pastel")
    wrong = choose_wrong_keys(key)
    assert Counter(one.kind for one in wrong) == {"other prompt": 10, "other secret": 5, "near synonym": 5}
    assert len({(one.key.settings["prompt"], bytes(one.key.secret)) for one in wrong}) == 20
    for one in wrong:
        assert one.key != key
        assert (one.key.gamma, one.key.resolution, one.key.settings["steps"]) == (0.4, 32, 5)
        same_prompt = one.key.settings["prompt"] == "with oil pastel"
        same_secret = bytes(one.key.secret) == bytes(key.secret)
        assert (same_prompt, same_secret) == ((True, False) if one.kind == "other secret" else (False, True))


def test_other_prompts_are_spread_over_the_columns_of_both_tables() -> None:
    columns = [set(column) for column in STYLE_PROMPTS.values()]
    columns += [{object_prompt(name) for name in names} for names in (IRRELEVANT_OBJECTS, RELEVANT_OBJECTS)]
    wrong = [one.shown for one in choose_wrong_keys(_key(prompt="with oil pastel")) if one.kind == "other prompt"]
    assert [sum(prompt in column for prompt in wrong) for column in columns] == [2, 2, 2, 2, 1, 1]


def test_nothing_made_from_the_right_prompt_is_shown() -> None:
    for one in choose_wrong_keys(_key(prompt="with oil pastel")):
        assert "pastel" not in one.name
        assert one.shown == (one.key.settings["prompt"] if one.kind == "other prompt" else "")


def test_a_prompt_of_the_tables_is_not_its_own_wrong_key() -> None:
    prompt = style_prompts()[0]
    wrong = choose_wrong_keys(_key(prompt=prompt.upper()), count=80)
    assert all(
        str(one.key.settings["prompt"]).casefold() != prompt.casefold() for one in wrong if one.kind != "other secret"
    )


def test_a_fixed_noise_seed_changes_with_the_secret() -> None:
    wrong = [
        one for one in choose_wrong_keys(_key(prompt="with oil pastel", noise_seed=1024)) if one.kind == "other secret"
    ]
    assert len({one.key.settings["noise_seed"] for one in wrong} - {1024}) == 5
    drawn = [one for one in choose_wrong_keys(_key(prompt="a b", noise_seed=None)) if one.kind == "other secret"]
    assert {one.key.settings["noise_seed"] for one in drawn} == {None}


def test_a_key_without_a_prompt_gets_other_secrets() -> None:
    wrong = choose_wrong_keys(_key(), count=7)
    assert [one.name for one in wrong] == [f"other secret {number}" for number in range(1, 8)]


def test_the_choice_follows_the_seed() -> None:
    key = _key(prompt="with oil pastel")
    assert choose_wrong_keys(key, seed=1) == choose_wrong_keys(key, seed=1)
    assert choose_wrong_keys(key, seed=1) != choose_wrong_keys(key, seed=2)
    assert choose_wrong_keys(key, count=0) == ()
    for count in (-1, 1000):
        with pytest.raises(ConfigError):
            choose_wrong_keys(key, count=count)


@given(st.lists(st.text("abcdefgh'", min_size=3, max_size=8), min_size=1, max_size=5).map(" ".join), st.integers(0, 9))
def test_near_prompts_differ_from_the_prompt_and_from_each_other(prompt: str, seed: int) -> None:
    near = near_prompts(prompt, 5, seed=seed)
    assert len({one.casefold() for one in near} | {prompt.casefold()}) == 6
    assert near == near_prompts(prompt, 5, seed=seed)


def test_synonyms_come_before_slips() -> None:
    near = near_prompts("with oil pastel", 5, seed=0)
    assert all(
        sum(word in one.split() for word in ("with", "oil", "pastel")) == 2 and len(one.split()) >= 3 for one in near
    )
    with pytest.raises(ConfigError, match="near synonyms"):
        near_prompts("", 9, seed=0)


def test_near_prompts_of_a_long_prompt_are_no_longer_than_it() -> None:
    prompt = "with oil pastel" + " and more of it" * 7
    near = near_prompts(prompt, 40, seed=0)
    assert max(len(other.encode()) for other in near) <= len(prompt.encode())
    assert "using oil pastel" not in " ".join(near)
    assert any(other.startswith("in oil pastel") for other in near)
    assert any(len(other) > len("with oil pastel") for other in near_prompts("with oil pastel", 9, seed=0))
