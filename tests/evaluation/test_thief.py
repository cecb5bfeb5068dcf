"""What a thief knows of a model and of a key."""

from __future__ import annotations

import dataclasses

import torch

from spellock.attacks.budget import Budget
from spellock.evaluation.attack_plan import trials
from spellock.evaluation.thief import Thief, public_editor
from spellock.key import Key

from ..attacks import colours
from ..attacks.test_readings import elsewhere
from .attacked_world import PLAN, SECRET, InvertingEditor, run, the_key


def test_who_may_only_ask_need_not_know_where_the_model_is() -> None:
    thief = Thief(
        pool=colours.pictures(20)[0], labels=colours.pictures(20)[1], classes=4, lock_class=None, leaked=None,
        leaked_raw=None, editor=None, unlabelled=10, budget=Budget(queries=12),
    )  # fmt: skip
    view = thief.view(elsewhere(), "query", lock_class=None, seed=0)
    assert view.answer(torch.rand(5, 3, colours.SIDE, colours.SIDE)).shape == (5, 4)
    assert view.query is not None
    assert view.query.left == 7


def test_the_public_part_of_a_key() -> None:
    key = the_key().with_settings(steps=5, negative_prompt="ugly", lora="mine.safetensors", lora_digest="00")
    public = public_editor(key, InvertingEditor)
    assert dict(public.settings) == {"steps": 5}
    assert public_editor(Key(editor="patch", settings={"size": 5}, secret=SECRET), InvertingEditor) is None
    assert run(trials(["suppressed"]), plan=dataclasses.replace(PLAN, budget=Budget(steps=1))).rows
