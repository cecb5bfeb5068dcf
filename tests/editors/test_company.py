"""Editors that share a batch give every image the bytes that it gets alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.editors.any_key import new_editor_key
from spellock.editors.at_hand import texts_at_hand
from spellock.editors.checkpoint import load_pieces
from spellock.editors.company import company_of, edit_each
from spellock.editors.presets import new_key
from spellock.editors.registry import load_editor
from spellock.errors import PixelError
from spellock.key import Key

SIDE = 16
KEY = new_key(prompt="with oil pastel", resolution=SIDE, secret=b"s" * 32)
#: Wrong keys as locking draws them: another secret, another prompt, another weave, and none.
OTHERS = (
    KEY.replace(secret=b"x" * 32),
    KEY.with_settings(prompt="in watercolor"),
    KEY.with_settings(weave_text="another"),
    KEY.with_settings(weave=0.0, prompt="as a mosaic"),
)
EDITORS = [load_editor(key) for key in (KEY, *OTHERS)]
IMAGES = np.random.default_rng(0).integers(0, 256, (11, SIDE, SIDE, 3), dtype=np.uint8)


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(0, len(EDITORS) - 1), min_size=1, max_size=len(IMAGES)))
def test_every_image_gets_the_bytes_it_gets_alone(whose: list[int]) -> None:
    together = edit_each([EDITORS[number] for number in whose], IMAGES[: len(whose)])
    for place, number in enumerate(whose):
        alone = EDITORS[number].edit_uint8(IMAGES[place : place + 1])
        np.testing.assert_array_equal(together[place : place + 1], alone)


def test_noise_of_each_image_comes_from_its_own_key() -> None:
    editors = [
        load_editor(key.with_settings(noise="per-image", noise_seed=None))
        for key in (KEY, KEY.replace(secret=b"y" * 32))
    ]
    crew, ids = [editors[0], editors[1], editors[0]], ["a", "a", "b"]
    images = np.repeat(IMAGES[:1], 3, axis=0)
    together = edit_each(crew, images, ids)
    assert len(np.unique(together.reshape(3, -1), axis=0)) == 3
    for place, editor in enumerate(crew):
        np.testing.assert_array_equal(together[place], editor.edit_uint8(images[:1], [ids[place]])[0])
    with pytest.raises(PixelError, match="got no ids"):
        edit_each(crew, images)
    with pytest.raises(PixelError, match="got 2 ids for 3 images"):
        edit_each(crew, images, ids[:2])


def test_what_decides_on_kernels_or_on_bytes_otherwise_parts_them() -> None:
    own = company_of(EDITORS[0])
    assert all(company_of(editor) == own for editor in EDITORS)
    for other in (
        KEY.with_settings(steps=3),
        KEY.with_settings(guidance_scale=2.0),
        KEY.replace(gamma=0.25),
        KEY.replace(resize="nearest"),
    ):
        assert company_of(load_editor(other)) != own
    patch = load_editor(new_editor_key("patch", resolution=SIDE))
    assert company_of(patch) is None
    with pytest.raises(ValueError, match="one after the other"):
        edit_each([EDITORS[0], patch], IMAGES[:2])
    with pytest.raises(ValueError, match="one after the other"):
        edit_each([EDITORS[0], load_editor(KEY.with_settings(steps=3))], IMAGES[:2])


def test_one_editor_for_all_needs_no_company() -> None:
    patch = load_editor(new_editor_key("patch", resolution=SIDE))
    np.testing.assert_array_equal(edit_each([patch] * 3, IMAGES[:3]), patch.edit_uint8(IMAGES[:3]))
    assert edit_each([], IMAGES[:0]).shape == (0, SIDE, SIDE, 3)
    with pytest.raises(PixelError, match="got 1 editors for 2 images"):
        edit_each([patch], IMAGES[:2])


@pytest.mark.parametrize("kind", ["sd", "xl"])
def test_checkpoints_of_the_published_kinds(kind: str, key_for: Callable[..., Key]) -> None:
    key = key_for(kind, steps=2, dtype="float32")
    editors = [load_editor(one) for one in (key, key.with_settings(prompt="in watercolor", negative_prompt="blurred"))]
    images = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    crew = [editors[0], editors[1], editors[0]]
    alone = [editor.edit_uint8(images[place : place + 1]) for place, editor in enumerate(crew)]
    np.testing.assert_array_equal(edit_each(crew, images), np.concatenate(alone))
    assert (alone[1] != editors[0].edit_uint8(images[1:2])).any()


def test_text_encoders_are_loaded_once_while_they_are_at_hand() -> None:
    def encoder() -> object:
        return load_pieces("embedded", dtype=torch.float32).text_encoders[0]

    with texts_at_hand():
        first = encoder()
        assert encoder() is first
        with texts_at_hand():
            assert encoder() is first
        assert encoder() is first
    del first
    kept = encoder()
    assert encoder() is not kept
