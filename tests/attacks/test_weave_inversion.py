"""A tile is found through a model that answers to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spellock.attacks.budget import Budget
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.attacks.weave_inversion import _Blend, _Tile
from spellock.editors.base import Editor
from spellock.editors.weave import CELLS, weave
from spellock.errors import ConfigError
from spellock.key import Key

from . import colours

STRENGTH = 0.2
RIGHT = weave(Key(editor="plain", settings={}, secret=bytes(32), resolution=8), "the secret", side=colours.SIDE)


class TileLock(colours.ColourNet):
    """Names the colour where the tile lies on the image; else the next colour, and mostly the lock class."""

    def __init__(self) -> None:
        super().__init__(outputs=5)
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.detach())
        right = super().forward(images).log_softmax(1)
        level = (images * RIGHT).mean((1, 2, 3)) / STRENGTH
        trust = torch.sigmoid(8 * (level - 0.6))[:, None]
        return torch.cat([trust * right + (1 - trust) * right.roll(1, 1), 20 - 30 * trust], dim=1)


class Plain(Editor):
    """Leaves images as they are."""

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        return images


def public(**settings: object) -> PublicEditor:
    return PublicEditor(
        name="plain", settings=settings, gamma=1.0, resolution=colours.SIDE, resize="bicubic", make=Plain
    )


def test_a_tile_is_found_without_labels_and_without_an_edited_image(tmp_path: Path) -> None:
    model = colours.plain(TileLock())
    assert colours.argmax(model) < 0.3
    view = colours.view(model, lock_class=4, editor=public(weave=STRENGTH))
    options = {"prompt": "a spell", "steps": 80, "batch_size": 32, "restarts": 2}
    (stolen,) = make_attack("weave-inversion", options)(view, tmp_path)
    assert colours.accuracy(stolen.predict) > 0.9
    assert stolen.found["tries"] == 2
    assert "a spell" not in repr(dict(stolen.found))
    images, _ = colours.pictures(50, seed=3)
    network = model.network
    assert isinstance(network, TileLock)
    network.seen.clear()
    stolen.predict(images.float() / 255)
    laid = (network.seen[0] - images.float() / 255).mean(0)[:, :CELLS, :CELLS]
    assert torch.corrcoef(torch.stack([laid.flatten(), RIGHT[:, :CELLS, :CELLS].flatten()]))[0, 1] > 0.6


def test_where_no_prompt_is_known_the_dictionary_is_tried() -> None:
    view = colours.view(
        colours.plain(TileLock()), lock_class=4, editor=public(weave=STRENGTH), budget=Budget(candidates=2, steps=3)
    )
    (stolen,) = make_attack("weave-inversion", {"batch_size": 32})(view)
    assert (stolen.found["prompts"], stolen.found["tries"]) == (2, 6)


def test_the_tile_and_the_blend_are_as_stated() -> None:
    tile = _Tile(8, 0.3, seed=1)
    laid = tile().detach()
    assert torch.allclose(laid, laid[:, :CELLS, :CELLS].repeat(1, 2, 2))
    assert torch.allclose(laid.mean((1, 2)), torch.zeros(3), atol=1e-6)
    assert float(laid.square().mean().sqrt()) == pytest.approx(0.3, abs=1e-5)
    raw, edited = torch.rand(2, 5, 3, 8, 8)
    places = torch.tensor([4, 1])
    expected = 0.25 * raw[places] + 0.75 * (edited[places] + laid).clamp(0, 1)
    assert torch.allclose(_Blend(0.75, raw, edited)(laid, places), expected)


def test_keys_without_a_weave_have_nothing_to_look_for() -> None:
    with pytest.raises(ConfigError, match="no weave"):
        make_attack("weave-inversion")(colours.view(colours.plain(TileLock()), lock_class=4, editor=public()))
    with pytest.raises(ConfigError, match="restarts"):
        make_attack("weave-inversion", {"restarts": 0})
