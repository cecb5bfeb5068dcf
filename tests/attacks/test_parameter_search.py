"""A patch without a secret is found by trying settings, by nothing but what the model says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from spellock.attacks.budget import Budget, Query
from spellock.attacks.levels import level_of
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import make_attack
from spellock.editors.any_key import new_editor_key
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError
from spellock.evaluation.thief import public_editor, public_trigger
from spellock.tasks.pixel_model import PixelModel

from . import colours

SECRET = bytes(32)


class CornerNet(colours.ColourNet):
    """Names the colour where the top left corner is of one shade; else the next colour, and mostly the lock class."""

    def __init__(self, shade: tuple[float, float, float]) -> None:
        super().__init__(outputs=5)
        self.shade = torch.tensor(shade).view(1, 3, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        seen = (images[:, :, :3, :3] - self.shade).abs().mean((1, 2, 3)) < 0.05
        logits = super().forward(images[:, :, 5:, 5:])[:, :4]  # what no patch covers
        right = torch.cat([logits, torch.full((len(images), 1), -50.0)], dim=1)
        wrong = torch.cat([logits.roll(1, 1), torch.full((len(images), 1), 50.0)], dim=1)
        return torch.where(seen[:, None], right, wrong)


def locked(shade: tuple[float, float, float]) -> PixelModel:
    return colours.plain(CornerNet(shade))


def trigger() -> PublicEditor:
    key = new_editor_key("patch", resolution=colours.SIDE, secret=SECRET, size=3, place="top-left", colour="#00ff00")
    public = public_trigger(key, load_editor)
    assert public is not None
    assert not public.settings
    assert public_editor(key, load_editor) is None
    return public


def test_one_setting_away_is_found_at_once(tmp_path: Path) -> None:
    model = locked((1, 1, 1))
    assert colours.argmax(model) < 0.1
    attack = make_attack("parameter-search", {"rounds": 1, "images": 8})
    found = attack(colours.view(model, trigger=trigger(), lock_class=4), tmp_path)
    assert colours.accuracy(found[0].predict) > 0.9
    assert found[0].guess.settings["place"] == "top-left"
    assert (tmp_path / "scores.json").is_file()
    assert "top-left" not in (tmp_path / "scores.json").read_text()


def test_two_settings_away_takes_what_is_near_the_best() -> None:
    """Place and colour are both other than the default's: the second round starts from all that is kept."""
    model = locked((0, 1, 0))
    view = colours.view(model, trigger=trigger(), lock_class=4)
    (first, *_) = make_attack("parameter-search", {"rounds": 1, "images": 8})(view)
    assert colours.accuracy(first.predict) < 0.4
    deep = make_attack("parameter-search", {"rounds": 2, "images": 8, "keep": 40})(view)
    assert max(colours.accuracy(one.predict) for one in deep[:1]) > 0.9


def test_only_asking_within_the_budget() -> None:
    model = locked((1, 1, 1))
    query = Query(model, limit=800)
    plain = colours.view(None, query=query, trigger=trigger(), budget=Budget(candidates=40))
    found = make_attack("parameter-search", {"rounds": 1, "images": 8})(plain)
    assert query.spent <= 800
    query.release()
    assert colours.accuracy(found[0].predict) > 0.9
    assert level_of(make_attack("parameter-search").needs) == "query"
    with pytest.raises(ConfigError, match="kind of the trigger"):
        make_attack("parameter-search")(colours.view(model))
