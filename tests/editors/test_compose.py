"""Editors in a row."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.editors.compose import ComposeEditor, part_keys, write_parts
from spellock.editors.registry import editor_class, load_editor, settings_of
from spellock.errors import ConfigError, EditorError
from spellock.key import Key

SECRET = bytes(range(3, 35))
WARP = {"editor": "warp", "settings": {"s": 2.0}}
SHUFFLE = {"editor": "blockwise", "settings": {"method": "shuffle", "block": 4}, "gamma": 0.5}
NEGATIVE = {"editor": "blockwise", "settings": {"method": "negative-positive"}}


def key(*parts: dict[str, object], gamma: float = 1.0, secret: bytes = SECRET) -> Key:
    return Key(editor="compose", settings={"parts": write_parts(parts)}, secret=secret, gamma=gamma, resolution=16)


def noise(count: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)


@given(chosen=st.lists(st.sampled_from([WARP, SHUFFLE, NEGATIVE]), min_size=1, max_size=4))
@settings(max_examples=10, deadline=None)
def test_parts_follow_one_another_with_secrets_of_their_own(chosen: list[dict[str, object]]) -> None:
    own = key(*chosen)
    expected = noise()
    for place, part in enumerate(chosen, start=1):
        alone = Key(
            editor=str(part["editor"]),
            settings=part["settings"],  # type: ignore[arg-type]
            gamma=part.get("gamma", 1.0),  # type: ignore[arg-type]
            secret=own.derive(f"compose part {place}: {part['editor']}"),
            resolution=16,
        )
        expected = load_editor(alone).edit_uint8(expected)
    assert np.array_equal(load_editor(own).edit_uint8(noise()), expected)


def test_equal_parts_differ_by_their_place() -> None:
    first, second = part_keys(key(SHUFFLE, SHUFFLE))
    assert bytes(first.secret) != bytes(second.secret)
    assert first.resolution == 16


def test_the_outer_blend_comes_last() -> None:
    whole = load_editor(key(NEGATIVE)).edit_uint8(noise()).astype(float)
    half = load_editor(key(NEGATIVE, gamma=0.25)).edit_uint8(noise())
    assert np.abs(half - (0.75 * noise() + 0.25 * whole)).max() <= 0.5


def test_it_moves_pixels_if_a_part_does() -> None:
    assert load_editor(key(NEGATIVE, SHUFFLE)).moves_pixels
    assert not load_editor(key(NEGATIVE)).moves_pixels


def test_new_keys_write_defaults_out() -> None:
    done = ComposeEditor.complete(key({"editor": "warp"}, NEGATIVE))
    warp, negative = json.loads(str(done.settings["parts"]))
    assert warp == {
        "editor": "warp",
        "gamma": 1.0,
        "settings": {"k": 4, "s": 0.5, "grid_rescale": 1.0, "scale_with_size": True},
    }
    assert negative["settings"] == {"method": "negative-positive", "block": 4}
    assert np.array_equal(
        load_editor(done).edit_uint8(noise()), load_editor(key({"editor": "warp"}, NEGATIVE)).edit_uint8(noise())
    )


def test_parts_answer_for_the_whole() -> None:
    assert ComposeEditor.secret_matters(key(WARP))
    assert not ComposeEditor.secret_matters(key({**WARP, "gamma": 0}))
    near = list(ComposeEditor.near_keys(key(WARP, NEGATIVE), seed=0))
    assert near
    own = load_editor(key(WARP, NEGATIVE)).edit_uint8(noise())
    assert all(not np.array_equal(load_editor(one).edit_uint8(noise()), own) for one in near)
    assert editor_class("compose") is ComposeEditor


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ("", "no JSON.*write_parts"),
        ("[" * 100_0, "no JSON"),
        ("{}", "not a list of 1 to 8"),
        ("[]", "not a list of 1 to 8"),
        (json.dumps([NEGATIVE] * 9), "not a list of 1 to 8"),
        ('["warp"]', "part 1.*malformed"),
        (json.dumps([WARP, {"settings": {}}]), "part 2.*malformed"),
        (json.dumps([{**WARP, "secret": "00"}]), "part 1.*malformed"),
        (json.dumps([{"editor": "compose", "settings": {"parts": "[]"}}]), "itself compose"),
        (json.dumps([{"editor": "warp", "settings": []}]), "settings of part 1.*no object"),
        (json.dumps([{"editor": "warp", "settings": {"s": [1]}}]), "setting s is a list"),
        (json.dumps([{"editor": "warp", "settings": {"colour": 1}}]), "does not know .colour"),
        (json.dumps([{"editor": "warp", "gamma": 2}]), "gamma is 2"),
        (json.dumps([{"editor": "blockwise", "settings": {"block": 5}}]), "not a multiple"),
    ],
)
def test_bad_parts(parts: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_editor(Key(editor="compose", settings={"parts": parts}, secret=SECRET, resolution=16))


def test_unknown_editors_list_near_ones() -> None:
    with pytest.raises(EditorError, match="did you mean warp"):
        load_editor(key({"editor": "wrap"}))


def test_missing_parts() -> None:
    for settings_ in ({}, {"parts": 3}):
        with pytest.raises(ConfigError, match="parts"):
            load_editor(Key(editor="compose", settings=settings_, secret=SECRET))
        with pytest.raises(ConfigError, match="parts"):
            ComposeEditor.complete(Key(editor="compose", settings=settings_, secret=SECRET))
    with pytest.raises(ConfigError, match="flat settings"):
        write_parts([{"editor": "warp", "settings": {"s": float("nan")}}])


def test_nothing_shows() -> None:
    one = key(SHUFFLE)
    assert "shuffle" not in repr(settings_of(one)) + repr(load_editor(one)) + repr(part_keys(one))


def test_half_keys_are_wrong_in_one_part_and_right_in_the_others() -> None:
    own = key(WARP, SHUFFLE, NEGATIVE)
    right = [bytes(part.secret) for part in part_keys(own)]
    halves = list(islice(ComposeEditor.half_keys(own, seed=1), 6))
    assert halves == list(islice(ComposeEditor.half_keys(own, seed=1), 6))
    for number, half in enumerate(halves):
        same = [bytes(part.secret) == secret for part, secret in zip(part_keys(half), right, strict=True)]
        assert same == [place != number % 3 for place in range(3)]
        assert settings_of(half)
        assert not np.array_equal(load_editor(half).edit_uint8(noise()), load_editor(own).edit_uint8(noise()))
    assert len({bytes(part_keys(half)[0].secret) for half in halves[::3]}) == 2
    assert list(ComposeEditor.half_keys(key(WARP), seed=1)) == []
    assert list(ComposeEditor.half_keys(key(WARP, {**NEGATIVE, "gamma": 0}), seed=1)) == []


def test_half_keys_of_a_prompt_and_a_transform() -> None:
    style = {"editor": "diffusion", "settings": {"prompt": "with oil pastel"}}
    own = ComposeEditor.complete(key(style, WARP))
    halves = list(islice(ComposeEditor.half_keys(own, seed=1), 8))
    right = part_keys(own)
    wrong = {"weave": 0, "style": 0, "prompt": 0, "warp": 0}
    for half in halves:
        diffusion, warp = part_keys(half)
        wrong["warp"] += bytes(warp.secret) != bytes(right[1].secret)
        wrong["style"] += bytes(diffusion.secret) != bytes(right[0].secret)
        wrong["weave"] += "weave_text" in diffusion.settings and diffusion.settings["weave_text"] is not None
        wrong["prompt"] += diffusion.settings["prompt"] != "with oil pastel"
    assert wrong == {"weave": 2, "style": 2, "prompt": 2, "warp": 2}


@pytest.mark.parametrize("salt", ["1", "0:x", "3:x", "a:x", "1:", "99999999:x"])
def test_a_salt_is_for_one_of_the_parts(salt: str) -> None:
    with pytest.raises(ConfigError, match="none of its 2 parts"):
        settings_of(key(WARP, NEGATIVE).with_settings(salt=salt))
