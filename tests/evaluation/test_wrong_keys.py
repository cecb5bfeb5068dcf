"""The rule that chooses wrong keys."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from spellock.editors.compose import part_keys, write_parts
from spellock.editors.presets import new_key
from spellock.editors.variations import prompts_of
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


def _composed(*prompts: str) -> Key:
    parts = [new_key("embedded", prompt=prompt, secret_use="none", noise_seed=1024) for prompt in prompts]
    rows = [{"editor": part.editor, "settings": dict(part.settings), "gamma": 0.5} for part in parts]
    noise = {"editor": "noise", "settings": {"amplitude": 0.2}, "gamma": 1.0}
    return Key(editor="compose", settings={"parts": write_parts([*rows, noise])}, secret=bytes(range(32)), gamma=1.0)


def test_a_prompt_inside_a_compose_key_is_varied_by_the_same_rule() -> None:
    key, plain = _composed("with oil pastel"), _key(prompt="with oil pastel")
    wrong = choose_wrong_keys(key)
    assert [one.name for one in wrong] == [one.name for one in choose_wrong_keys(plain)]
    assert [one.shown for one in wrong] == [one.shown for one in choose_wrong_keys(plain)]
    for one, other in zip(wrong, choose_wrong_keys(plain), strict=True):
        assert prompts_of(one.key) == prompts_of(other.key)
        first, second = part_keys(one.key)
        if one.kind == "other secret":
            assert one.key.secret != key.secret
            assert first.settings["noise_seed"] != 1024
            assert second.secret != part_keys(key)[1].secret
        else:
            assert one.key.secret == key.secret
            assert second == part_keys(key)[1]


def test_several_prompts_are_wrong_in_turn() -> None:
    own = ("with oil pastel", "with koala in the background")
    for one in choose_wrong_keys(_composed(*own)):
        kept = [mine == other for mine, other in zip(own, prompts_of(one.key), strict=True)]
        place = (one.number - 1) % 2
        assert kept == ([True, True] if one.kind == "other secret" else [place == 1, place == 0])


def test_a_lora_is_left_out_as_another_secret(tmp_path: Path) -> None:
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "own.safetensors")
    lora = str(tmp_path / "own.safetensors")
    key = new_key("embedded", lora=lora, secret_use="none", noise_seed=1024)
    wrong = choose_wrong_keys(key)
    assert Counter(one.kind for one in wrong) == {"other prompt": 10, "other secret": 5, "near synonym": 5}
    assert {one.key.settings["lora"] for one in wrong if one.kind == "other secret"} == {None}
    assert {one.key.settings["lora"] for one in wrong if one.kind != "other secret"} == {lora}
    strings = [one.key.settings["secret_use"] for one in wrong if one.kind == "other secret"]
    assert strings == ["none"] + ["string"] * 4
