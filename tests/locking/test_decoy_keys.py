"""Which wrong keys decoys are edited with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spellock.editors.compose import part_keys, write_parts
from spellock.editors.presets import new_key
from spellock.editors.variations import prompts_of
from spellock.editors.vocabulary import object_prompts, style_prompts
from spellock.key import Key
from spellock.locking.decoys import draw_decoy_keys

SECRET = bytes(range(32))
FIXED = {"secret_use": "none", "noise_seed": 1024}


def composed(*prompts: str, **settings: object) -> Key:
    keys = [new_key("embedded", prompt=prompt, **FIXED) for prompt in prompts]  # type: ignore[arg-type]
    parts = [{"editor": one.editor, "settings": dict(one.settings), "gamma": 0.5} for one in keys]
    parts.append({"editor": "noise", "settings": {"amplitude": 0.2}, "gamma": 1.0, **settings})
    return Key(editor="compose", settings={"parts": write_parts(parts)}, secret=SECRET, gamma=1.0)


def whole(drawn: list[Key]) -> list[Key]:
    """Those that know no part of the key: two of four."""
    return [one for number, one in enumerate(drawn) if number % 4 < 2]


def test_prompts_and_secrets_of_a_compose_key_by_turns() -> None:
    key = composed("with oil pastel")
    drawn = whole(draw_decoy_keys(key, 24))
    prompts = [prompts_of(one)[0] for one in drawn]
    assert prompts[1::2] == ["with oil pastel"] * 6
    assert len(set(prompts[::2])) == 6
    assert set(prompts[::2]) <= {*style_prompts(), *object_prompts()}
    secrets = {bytes(part_keys(one)[1].secret) for one in [key, *drawn]}
    assert len(secrets) == 13


def test_prompts_of_two_parts_by_turns() -> None:
    own = ("with oil pastel", "in ink")
    wrong = [prompts_of(one) for one in whole(draw_decoy_keys(composed(*own), 16))][::2]
    assert [tuple(a == b for a, b in zip(own, one, strict=True)) for one in wrong] == [(False, True), (True, False)] * 2


def test_half_of_a_compose_keys_decoys_know_all_parts_but_one() -> None:
    key = composed("with oil pastel")
    right = [bytes(part.secret) for part in part_keys(key)]
    drawn = draw_decoy_keys(key, 16)
    for one in (one for one in drawn if one not in whole(drawn)):
        prompt, noise = prompts_of(one)[0] == "with oil pastel", bytes(part_keys(one)[1].secret) == right[1]
        assert prompt != noise, "the edit has no secret of its own, so a part is the prompt or the noise"


def test_all_have_other_prompts_where_no_part_has_a_secret() -> None:
    drawn = draw_decoy_keys(composed("with oil pastel", gamma=0.0), 6, prompts=("a", "b", "With Oil Pastel "))
    assert [prompts_of(one)[0] for one in drawn] in (["a", "b"] * 3, ["b", "a"] * 3)


def test_a_plain_key_is_drawn_as_its_secret_says() -> None:
    key = new_key("embedded", secret=SECRET, weave=0.0)
    for number, one in enumerate(draw_decoy_keys(key, 4, seed=3)):
        assert bytes(one.secret) == key.derive(f"decoy secret 3 {number}")
        assert (one.settings["prompt"] == key.settings["prompt"]) == bool(number % 2)


@pytest.mark.parametrize("string", [False, True])
def test_decoys_without_the_lora(string: bool, tmp_path: Path) -> None:
    save_file({"unet.x.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "own.safetensors")
    lora = str(tmp_path / "own.safetensors")
    key = new_key("embedded", secret=SECRET, weave=0.0, lora=lora, **({} if string else FIXED))  # type: ignore[arg-type]
    drawn, own = draw_decoy_keys(key, 16), key.settings["prompt"]
    prompted, strangers = drawn[0::4], drawn[1::4]
    assert {one.settings["lora"] for one in prompted} == {lora}
    assert own not in {one.settings["prompt"] for one in prompted}
    assert [one.settings["lora"] for one in strangers] == ([None, lora] * 2 if string else [None] * 4)
    assert [one.settings["secret_use"] for one in strangers] == ["none", "string", "string", "string"]
    # The half keys lack the LoRA and nothing else, or the prompt too.
    alone, other = drawn[2::4], drawn[3::4]
    assert all(one.settings["lora"] is None and one.settings["secret_use"] == "none" for one in (*alone, *other))
    assert {one.settings["prompt"] for one in alone} == {own}
    assert own not in {one.settings["prompt"] for one in other}
    assert drawn == draw_decoy_keys(key, 16)
