"""Attacks by name, their options, and what a thief may hold."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest

from spellock.attacks.base import Attack
from spellock.attacks.budget import Budget
from spellock.attacks.levels import LEVELS, Asset, level_of
from spellock.attacks.registry import attack_class, list_attacks, make_attack, register_attack
from spellock.attacks.suppressed import Suppressed
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError, DataError

from . import colours

ROOM = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", list_attacks())
def test_every_attack_is_one_file_with_a_page_and_fits_a_level(name: str) -> None:
    kind = attack_class(name)
    assert kind.__module__ == f"spellock.attacks.{name.replace('-', '_')}"
    assert f"`{name}`" in (ROOM / "docs" / "attacks.md").read_text(encoding="utf-8")
    for options in kind.variants.values():
        assert level_of(make_attack(name, options).needs) in LEVELS
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_attack(name).needs = frozenset()  # type: ignore[misc]


def test_levels_go_from_weak_to_strong() -> None:
    names = list(LEVELS)
    assert names == ["query", "weights", "edited", "pairs", "labels", "customer", "part"]
    steps = pairwise(names[:4])
    for weaker, stronger in (*steps, ("weights", "labels"), ("weights", "customer"), ("labels", "part")):
        assert LEVELS[weaker] < LEVELS[stronger]
    assert level_of({Asset.QUERIES}) == "query"
    assert level_of({Asset.PAIRS}) == "pairs"
    assert level_of({Asset.LABELS, Asset.WEIGHTS}) == "labels"


def test_unknown_names_and_options_are_explained() -> None:
    with pytest.raises(ConfigError, match="did you mean suppressed"):
        make_attack("supressed")
    with pytest.raises(ConfigError, match="statistics"):
        make_attack("suppressed", {"statistic": "raw"})
    with pytest.raises(ConfigError, match="expected one of kept, raw"):
        make_attack("suppressed", {"statistics": "new"})
    with pytest.raises(ConfigError, match="is a str, expected int"):
        make_attack("tent", {"epochs": "1"})
    with pytest.raises(ConfigError, match="is a bool, expected int"):
        make_attack("tent", {"epochs": True})
    assert make_attack("tent", {"learning_rate": 1}).learning_rate == 1
    with pytest.raises(ConfigError, match="registered already"):
        register_attack("suppressed")(Suppressed)
    with pytest.raises(ConfigError, match="not a dataclass"):
        register_attack("new")(type("Bare", (Attack,), {}))


def test_a_view_refuses_what_is_no_image() -> None:
    images, labels = colours.pictures(4)
    model = colours.locked()
    with pytest.raises(DataError, match="unlabelled: got torch"):
        AttackerView(classes=4, unlabelled=images.float(), model=model)
    with pytest.raises(DataError, match="one label an image"):
        AttackerView(classes=4, unlabelled=images, model=model, labelled=images, labels=labels[:2])
    with pytest.raises(DataError, match="one label an image"):
        AttackerView(classes=4, unlabelled=images, model=model, labels=labels)
    with pytest.raises(ConfigError, match="neither model nor query"):
        AttackerView(classes=4, unlabelled=images)
    with pytest.raises(ConfigError, match="1 classes"):
        AttackerView(classes=1, unlabelled=images, model=model)
    everything = AttackerView(
        classes=4, unlabelled=images, model=model, edited=images, edited_raw=images, labelled=images, labels=labels
    )
    assert everything.assets == set(Asset) - {
        Asset.EDITOR, Asset.TRIGGER, Asset.CUSTOMER, Asset.PUBLIC, Asset.KEY_PART,
    }  # fmt: skip
    assert everything.stolen is model
    with pytest.raises(ConfigError, match="weights"):
        assert AttackerView(classes=4, unlabelled=images, query=lambda one: one).stolen


def test_budgets() -> None:
    assert Budget(steps=3).at_most("steps", 10) == 3
    assert Budget(steps=30).at_most("steps", 10) == Budget().at_most("steps", 10) == 10
    assert not Budget().clock().over
    with pytest.raises(ConfigError, match="0 queries"):
        Budget(queries=0)
