"""Keys of those who read the weave off edited images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.leaked_keys import GUESSES
from spellock.editors.prompt_text import secret_tail
from spellock.editors.registry import load_editor
from spellock.editors.vocabulary import COMMON_STYLES, common_prompts, object_prompts, style_prompts
from spellock.editors.weave import weave
from spellock.key import Key

Pictures = NDArray[np.uint8]
MakeKey = Callable[..., Key]
WORDS = {word for style in COMMON_STYLES for word in style.split()}
MADE_UP = {f"with {one} {other}" for one in WORDS for other in WORDS - {one}}
LISTED = {*style_prompts(), *common_prompts(), *object_prompts()}
OTHERS = LISTED | MADE_UP


@pytest.fixture
def key(key_for: MakeKey) -> Key:
    return key_for("embedded", gamma=1.0, secret_use="string").with_settings(weave=0.1)


def groups(key: Key, count: int, seed: int = 1) -> list[Sequence[Key]]:
    return list(islice(DiffusionEditor.leaked_keys(key, seed=seed), count))


def kinds(key: Key, count: int) -> list[list[Key]]:
    """The four kinds of guesses, from ``count`` groups of each."""
    found = groups(key, 4 * count)
    return [[one for group in found[place::4] for one in group] for place in range(4)]


def drawn(key: Key, count: int) -> list[Key]:
    return [one for group in groups(key, count) for one in group]


def test_the_weave_is_right_and_the_style_is_not(key: Key, pictures: Pictures) -> None:
    own = load_editor(key.with_settings(weave=0.0)).edit_uint8(pictures[:2])
    tile = weave(key, str(key.settings["prompt"]), side=8)
    for one in drawn(key, 8):
        assert torch.equal(weave(one, str(one.settings["weave_text"]), side=8), tile)
        assert not np.array_equal(load_editor(one.with_settings(weave=0.0)).edit_uint8(pictures[:2]), own)


def test_styles_are_what_is_guessed(key: Key) -> None:
    own, tail = str(key.settings["prompt"]), secret_tail(key)
    with_string, alone, strange, other = kinds(key, 200)
    assert all(one.settings["secret_use"] == "string" for one in with_string)
    assert {str(one.settings["prompt"]) for one in with_string} <= OTHERS - {own}
    assert all(one.settings["secret_use"] == "none" for one in (*alone, *strange, *other))
    assert {str(one.settings["prompt"]) for one in alone} <= OTHERS
    assert 0.1 < np.mean([group[0].settings["prompt"] == own for group in groups(key, 800)[1::4]]) < 0.4
    assert [len(group) for group in groups(key, 4)][0::2] == [1, GUESSES]
    styles, tails = zip(*(f" {one.settings['prompt']}".rsplit(" ", 1) for one in (*strange, *other)), strict=True)
    assert len(set(tails)) == len(tails)
    assert all(len(one) == len(tail) and one != tail for one in tails)
    first, second = styles[: len(strange)], styles[len(strange) :]
    assert {style.strip() for style in first} == {own, ""}
    assert 0.1 < np.mean([style == "" for style in first]) < 0.4
    assert {style.strip() for style in second} <= OTHERS - {own}
    assert {*style_prompts(), *common_prompts()} - {own} <= {style.strip() for style in second}
    assert 0.15 < np.mean([style.strip() in object_prompts() for style in second]) < 0.35, "objects look all alike"
    assert 0.15 < np.mean([style.strip() in MADE_UP - LISTED for style in second]) < 0.35, "some are in no list"


def test_a_lora_is_not_read_off_images(key: Key) -> None:
    key = key.with_settings(lora="my-lora.safetensors", lora_digest="0" * 64)
    found = drawn(key, 400)
    assert all(one.settings["lora"] is None and one.settings["lora_digest"] is None for one in found)
    assert all(one.settings["secret_use"] == "none" for one in found), "nor is the secret"
    own = str(key.settings["prompt"])
    with_string, alone, _, _ = kinds(key, 100)
    assert own not in {str(one.settings["prompt"]) for one in with_string}
    assert own in {str(one.settings["prompt"]) for one in alone}, "on the public weights it is wrong"
    tile = weave(key, own, side=8)
    assert all(torch.equal(weave(one, str(one.settings["weave_text"]), side=8), tile) for one in found[:8])


def test_none_is_the_key_where_its_prompt_is_the_whole_text(key_for: MakeKey) -> None:
    key = key_for("embedded", secret_use="none").with_settings(weave=0.1)
    own = str(key.settings["prompt"])
    assert not [one for one in drawn(key, 400) if own in str(one.settings["prompt"])]


def test_the_right_prompt_in_other_letters_is_the_right_prompt(key: Key) -> None:
    """Text encoders that know no case would give the right key, as a wrong one."""
    listed = style_prompts()[0]
    shouted = key.with_settings(prompt=f" {listed.upper()}", weave_text=None)
    found = [*kinds(shouted, 100)[0], *list(islice(DiffusionEditor.half_keys(shouted, seed=1), 300))[2::3]]
    assert all(one.settings["secret_use"] == "string" for one in found)
    assert listed not in {str(one.settings["prompt"]) for one in found}


def test_they_are_drawn_from_the_seed_and_want_a_weave(key: Key) -> None:
    assert groups(key, 6) == groups(key, 6)
    assert groups(key, 6) != groups(key, 6, seed=2)
    assert groups(key.with_settings(weave=0.0), 1) == []
