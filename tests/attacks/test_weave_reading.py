"""A tile is read off leaked images, and opens a model that answers to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from spellock.attacks.budget import Query
from spellock.attacks.levels import level_of
from spellock.attacks.registry import make_attack
from spellock.editors.weave import CELLS, weave
from spellock.errors import ConfigError
from spellock.key import Key

from . import colours
from .test_weave_inversion import RIGHT, STRENGTH, TileLock, public


def leaked(count: int, tile: Tensor = RIGHT, gamma: float = 1.0) -> dict[str, Tensor]:
    """Images under ``tile``, and the same raw."""
    raw, _ = colours.pictures(count, seed=7)
    images = raw.float() / 255
    edited = (1 - gamma) * images + gamma * (images + STRENGTH * tile).clamp(0, 1)
    return {"edited": (edited * 255).round().to(torch.uint8), "edited_raw": raw}


def model() -> TileLock:
    return TileLock()


@pytest.mark.parametrize(("pairs", "count"), [(True, 1), (True, 10), (False, 40)])
def test_the_tile_of_leaked_images_opens_a_lock_that_is_nothing_but_a_tile(pairs: bool, count: int) -> None:
    locked = colours.plain(model())
    assert colours.argmax(locked) < 0.3
    holdings = leaked(count) if pairs else {"edited": leaked(count)["edited"]}
    view = colours.view(locked, lock_class=4, editor=public(weave=STRENGTH), **holdings)
    attack = make_attack("weave-reading", {"pairs": pairs})
    assert level_of(attack.needs) == ("pairs" if pairs else "edited")
    (stolen,) = attack(view)
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.found["read from"] == count
    assert ("agreement" in stolen.found) == (count > 1)
    if count > 1:
        assert stolen.found["agreement"] > 0.9
    images, _ = colours.pictures(50, seed=3)
    laid = (stolen.shown(images.float() / 255) - images.float() / 255).mean(0)[:, :CELLS, :CELLS]
    assert torch.corrcoef(torch.stack([laid.flatten(), RIGHT[:, :CELLS, :CELLS].flatten()]))[0, 1] > 0.9


def test_images_without_the_tile_give_nothing_away() -> None:
    other = weave(Key(editor="plain", settings={}, secret=bytes(range(32)), resolution=8), "another", side=colours.SIDE)
    for tile in (0 * RIGHT, other):
        holdings = leaked(20, tile)
        view = colours.view(colours.plain(model()), lock_class=4, editor=public(weave=STRENGTH), **holdings)
        (stolen,) = make_attack("weave-reading")(view)
        assert colours.accuracy(stolen.predict) < 0.5
    # Unedited images have no tile in common, and the thief can see that.
    unpaired = colours.view(
        colours.plain(model()), lock_class=4, editor=public(weave=STRENGTH), edited=leaked(40, 0 * RIGHT)["edited"]
    )
    (stolen,) = make_attack("weave-reading", {"pairs": False})(unpaired)
    assert abs(stolen.found["agreement"]) < 0.7


def test_a_known_prompt_paints_below_the_tile() -> None:
    view = colours.view(colours.plain(model()), lock_class=4, editor=public(weave=STRENGTH), **leaked(10))
    bare, under = (make_attack("weave-reading", {"prompt": prompt})(view)[0] for prompt in ("", "a spell"))
    images = colours.pictures(20, seed=3)[0].float() / 255
    # The toy's editor changes nothing, so both are the same up to the editor's rounding.
    assert (bare.shown(images) - under.shown(images)).abs().max() < 1 / 255
    assert "a spell" not in repr(under)


def test_the_blend_is_as_stated_and_asking_is_enough() -> None:
    half = replace(public(weave=STRENGTH), gamma=0.5)
    locked = colours.plain(model())
    view = colours.view(None, query=Query(locked), editor=half, **leaked(30, gamma=0.5))
    (stolen,) = make_attack("weave-reading")(view)
    images = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    tile = 2 * (stolen.shown(torch.full((1, 3, 8, 8), 0.5)) - 0.5)
    expected = 0.5 * images + 0.5 * (images + tile).clamp(0, 1)
    assert torch.allclose(stolen.shown(images), expected, atol=1e-6)
    assert tile.square().mean().sqrt() == pytest.approx(STRENGTH, abs=1e-3)


def test_keys_without_a_weave_have_nothing_to_read() -> None:
    with pytest.raises(ConfigError, match="no weave"):
        make_attack("weave-reading")(colours.view(colours.plain(model()), editor=public(), **leaked(3)))
    with pytest.raises(ConfigError, match="raw ones"):
        make_attack("weave-reading")(
            colours.view(colours.plain(model()), editor=public(weave=STRENGTH), edited=leaked(3)["edited"])
        )
