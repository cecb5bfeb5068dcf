"""Hybrid keys: the prompt is guessed among the defaults of the other parts, and rows of triggers by their settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from spellock.attacks.guessing import Guesser, own_secret
from spellock.attacks.registry import make_attack
from spellock.editors import registry
from spellock.editors.any_key import new_editor_key
from spellock.editors.base import Editor
from spellock.editors.compose import write_parts
from spellock.editors.registry import load_editor
from spellock.evaluation.attack_plan import trials
from spellock.evaluation.thief import public_editor, public_trigger
from spellock.key import Key

from ..evaluation.attacked_world import run
from . import colours
from .test_parameter_search import CornerNet
from .test_prompts import RIGHT, BorderEditor, grey

SECRET = bytes(32)


@dataclass(frozen=True, kw_only=True, repr=False)
class BorderSettings:
    prompt: str
    steps: int = 1


def make(key: Key) -> Editor:
    return BorderEditor(key) if key.editor == "border" else load_editor(key)


def row(*parts: dict[str, object], gamma: float = 1.0) -> Key:
    return Key(
        editor="compose", settings={"parts": write_parts(parts)}, secret=SECRET, gamma=gamma, resolution=colours.SIDE
    )


HYBRID = row({"editor": "border", "settings": {"prompt": RIGHT, "steps": 5}}, {"editor": "patch"})


def wants_both(images: Tensor) -> Tensor:
    """What the edit leaves of an image, which goes grey without the white patch or with another prompt's border."""
    free, border = images[:, :, 1:3], images[:, :, :1].mean((1, 2, 3), keepdim=True)
    patch = (images[:, :, -5:, -5:] > 0.95).flatten(1).float().mean(1).view(-1, 1, 1, 1)
    trust = (1 - 20 * (border - grey(RIGHT)).abs()).clamp_min(0)
    return torch.where((trust > 0.5) & (patch > 0.9), free, 0.4 + 0.05 * free[:, [1, 2, 0]])


def test_the_prompt_is_guessed_beside_the_other_parts_defaults(tmp_path: Path) -> None:
    public = public_editor(HYBRID, make)
    assert public is not None
    assert dict(public.settings) == {"steps": 5}
    assert public_trigger(HYBRID, make) is None
    view = colours.view(colours.locked(before=wants_both), editor=public)
    stolen = make_attack("prompt-search", {"images": 8, "secrets": 0})(view, tmp_path)
    assert abs(grey(str(stolen[0].guess.settings["prompt"])) - grey(RIGHT)) < 0.03
    assert colours.accuracy(stolen[0].predict) > 0.9


def test_the_right_guess_edits_as_the_key_does() -> None:
    """Blends of the parts and of the row are public, and a setting that is not the default is not known."""
    parts = [
        {"editor": "photo_filter", "gamma": 0.5},
        {"editor": "border", "settings": {"prompt": RIGHT}, "gamma": 0.25},
        {"editor": "border", "settings": {"prompt": "left out"}, "gamma": 0.0},
    ]
    raw = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))

    def guessed(key: Key) -> Tensor:
        public = public_editor(key, make)
        guesser = Guesser(view=colours.view(colours.locked()), editor=public, real=np.arange(4))
        return guesser.edited(public.guess(RIGHT, own_secret(0)), raw)

    key = row(*parts, {"editor": "patch"}, gamma=0.75)
    wanted = raw
    for part in (
        new_editor_key("photo_filter", gamma=0.5, resolution=8, secret=SECRET),
        Key(editor="border", settings={"prompt": RIGHT}, secret=SECRET, gamma=0.25, resolution=8),
        new_editor_key("patch", resolution=8, secret=SECRET),
    ):
        wanted = make(part)((wanted * 255).round() / 255)
    wanted = 0.25 * raw + 0.75 * wanted
    assert (guessed(key) - wanted).abs().max() < 2 / 255
    other = row(*parts, {"editor": "patch", "settings": {"colour": "#000000"}}, gamma=0.75)
    assert torch.equal(guessed(other), guessed(key))


def test_settings_of_a_row_of_triggers_are_searched() -> None:
    class Corner(CornerNet):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images.flip(3))

    key = row({"editor": "patch", "settings": {"place": "top-right", "size": 5}})
    assert public_editor(key, load_editor) is None
    trigger = public_trigger(key, load_editor)
    assert "top-right" not in str(trigger.settings)
    view = colours.view(colours.plain(Corner((1, 1, 1))), trigger=trigger, lock_class=4)
    found = make_attack("parameter-search", {"rounds": 1, "images": 8})(view)
    assert "top-right" in str(found[0].guess.settings["parts"])
    assert colours.accuracy(found[0].predict) > 0.9


def test_a_hybrid_keys_rows_say_what_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    registry.list_editors()
    entry = registry._Entry(lambda key, *, device="cpu", batch_size=None: BorderEditor(key), BorderSettings)
    monkeypatch.setitem(registry._EDITORS.things, "border", entry)
    report = run(trials(["random-prompts", "parameter-search"]), key=HYBRID, make_editor=load_editor)
    guesses, settings = report.rows
    assert guesses.skipped == ""
    assert settings.skipped == "the key's editor takes a prompt, or there is none"
