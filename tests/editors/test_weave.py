"""The keyed tile in the diffusion editor's edits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.registry import load_editor
from spellock.editors.weave import CELLS, weave
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.keystream import Keystream
from spellock.locking.decoys import draw_decoy_keys

Pictures = NDArray[np.uint8]
MakeKey = Callable[..., Key]
KEY = Key(editor="diffusion", settings={}, secret=bytes(range(32)), resolution=64)


def restated(key: Key, text: str, side: int) -> NDArray[np.float64]:
    """Pixel by pixel: cell (row // width mod 4, column // width mod 4) of the standardised tile."""
    tile = Keystream(key, f"weave {text}").normal(48).astype(np.float64).reshape(3, 4, 4)
    for channel in tile:
        channel -= channel.mean()
    tile /= np.sqrt((tile**2).mean())
    width = max(1, round(side / 32))
    return np.array(
        [[[tile[c, y // width % 4, x // width % 4] for x in range(side)] for y in range(side)] for c in range(3)]
    )


@pytest.mark.parametrize("side", [8, 32, 40, 64, 256])
def test_the_tile_is_as_stated(side: int) -> None:
    drawn = weave(KEY, "a spell", side=side)
    assert (drawn.shape, drawn.dtype) == ((3, side, side), torch.float32)
    assert np.allclose(drawn.numpy(), restated(KEY, "a spell", side), atol=1e-5)


@given(st.text(max_size=20), st.text(max_size=20))
def test_other_texts_and_secrets_give_unrelated_tiles(first: str, second: str) -> None:
    own = weave(KEY, first, side=CELLS)
    assert torch.equal(own, weave(KEY, first, side=CELLS))
    others = [weave(KEY.replace(secret=bytes(32)), first, side=CELLS)]
    others += [weave(KEY, second, side=CELLS)] if first != second else []
    for other in others:
        # 45 free numbers: a correlation of 0.75 is five standard deviations.
        assert abs(float((own * other).mean())) < 0.75


def test_it_is_added_to_the_edit(key_for: MakeKey, pictures: Pictures) -> None:
    plain = key_for("embedded", gamma=1.0, secret_use="string")
    woven = plain.with_settings(weave=0.1)
    before = load_editor(plain).edit_uint8(pictures[:3]).astype(np.float64) / 255
    after = load_editor(woven).edit_uint8(pictures[:3]).astype(np.float64) / 255
    tile = restated(woven, str(plain.settings["prompt"]), plain.resolution).transpose(1, 2, 0)
    # The plain edit is rounded before the tile is added here, and after it there.
    assert np.abs(after - (before + 0.1 * tile).clip(0, 1)).max() <= 1.01 / 255


def test_half_keys_have_one_part_right(key_for: MakeKey, pictures: Pictures) -> None:
    key = key_for("embedded", gamma=1.0, secret_use="string").with_settings(weave=0.1)
    style, second, tile = islice(DiffusionEditor.half_keys(key, seed=1), 3)
    bare = {name: load_editor(k.with_settings(weave=0.0)).edit_uint8(pictures[:2]) for name, k in
            {"own": key, "style": style, "second": second, "tile": tile}.items()}  # fmt: skip
    assert np.array_equal(bare["own"], bare["style"])
    assert np.array_equal(bare["own"], bare["second"])
    assert not np.array_equal(bare["own"], bare["tile"])

    def tile_of(which: Key) -> torch.Tensor:
        text = which.settings["weave_text"] or which.settings["prompt"]
        return weave(which, str(text), side=8)

    assert torch.equal(tile_of(tile), tile_of(key))
    assert not torch.equal(tile_of(style), tile_of(key))
    assert not torch.equal(tile_of(style), tile_of(second))
    assert not list(islice(DiffusionEditor.half_keys(key.with_settings(weave=0.0), seed=1), 1))


@pytest.mark.parametrize("strength", [0.0, 0.1])
def test_a_loras_half_keys_have_all_but_the_lora(key_for: MakeKey, pictures: Pictures, strength: float) -> None:
    plain = key_for("embedded", gamma=1.0, secret_use="string").with_settings(weave=strength)
    key = plain.with_settings(lora="my-lora.safetensors", lora_digest="0" * 64)
    turn = 5 if strength else 2
    found = list(islice(DiffusionEditor.half_keys(key, seed=1), 40 * turn))
    for place in range(turn - 2):
        assert all(one.settings["lora"] == key.settings["lora"] for one in found[place::turn]), "as without a LoRA"
    alone, other = found[turn - 2 :: turn], found[turn - 1 :: turn]
    assert all(one.settings["lora"] is None and one.settings["lora_digest"] is None for one in (*alone, *other))
    assert all(one.settings["secret_use"] == "none" for one in (*alone, *other))
    own = str(key.settings["prompt"])
    assert {str(one.settings["prompt"]) for one in alone} == {own}
    assert own not in {str(one.settings["prompt"]) for one in other}
    assert len({str(one.settings["prompt"]) for one in other}) > 15
    if strength:
        tile = weave(key, own, side=8)
        for one in (*alone, *other):
            assert torch.equal(weave(one, str(one.settings["weave_text"] or one.settings["prompt"]), side=8), tile)
    edits = [load_editor(one).edit_uint8(pictures[:1]) for one in (alone[0], other[0])]
    assert not np.array_equal(*edits)


def test_half_of_the_decoys_are_half_keys(key_for: MakeKey) -> None:
    key = key_for("embedded", secret_use="string").with_settings(weave=0.1)
    drawn = draw_decoy_keys(key, 12)
    halves = [decoy for decoy in drawn if decoy.secret == key.secret]
    assert len(halves) == 6
    own = [decoy.settings["prompt"] == key.settings["prompt"] for decoy in drawn if decoy.secret != key.secret]
    assert own == [False, True] * 3
    assert all(decoy != key for decoy in drawn)
    assert not [decoy for decoy in draw_decoy_keys(key.with_settings(weave=0.0), 12) if decoy.secret == key.secret]


@pytest.mark.parametrize("strength", [-0.1, 0.6])
def test_strengths_out_of_range_are_refused(key_for: MakeKey, strength: float) -> None:
    with pytest.raises(ConfigError, match="weave"):
        load_editor(key_for("embedded").with_settings(weave=strength))
