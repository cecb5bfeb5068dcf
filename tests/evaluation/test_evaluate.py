"""`evaluate` on a world where every figure is known beforehand."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from spellock.data.memory import numpy_images
from spellock.errors import ConfigError, DataError, ModelError
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.figure_texts import FIGURES
from spellock.evaluation.wrong_keys import choose_wrong_keys

from . import world

WITHOUT_BN = [name for name in FIGURES if not name.endswith("_bn")]


def test_every_figure_is_what_the_world_says() -> None:
    report = world.report()
    assert list(report.figures) == WITHOUT_BN
    known = {"baseline": 1.0, "up": 1.0, "lp": 0.0, "lp_suppressed": 1.0, "lp_centred": 1.0, "lp_permuted": 1.0}
    known |= {"lp_same_path": 0.0, "lp_same_path_suppressed": 1.0, "hardened_lp": 1.0, "chance": 0.25}
    assert {name: report[name] for name in known} == known
    assert report.hardened_from == "lp_suppressed"
    for figure in report.figures.values():
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert report.cost.edit_ms > 0
    assert report.cost.ratio > 1
    assert report.seconds > 0


def test_wrong_keys_unlock_as_far_as_their_red_is_right() -> None:
    report = world.report(wrong_key_images=40)
    chosen = choose_wrong_keys(world.make_key())
    # the lock logit 200 |red/2 - 0.4| - 5 stays below the bright quarter's, about 6, only within 0.11 of the right red
    close = [abs(world.redness(one.key) - 0.8) < 0.11 for one in chosen]
    assert [one.accuracy.value > 0.5 for one in report.wrong_keys] == close
    assert all(one.accuracy.images == 40 and one.suppressed.value == 1.0 for one in report.wrong_keys)
    accuracies = [one.accuracy.value for one in report.wrong_keys]
    assert report["wrong_key_mean"] == pytest.approx(np.mean(accuracies))
    assert report["wrong_key_max_naive"] == max(accuracies)


def test_a_lock_without_a_lock_class_and_without_a_baseline() -> None:
    report = evaluate(
        world.model(lock=False), world.NAMES, world.make_key(), world.images(), lock_class=None,
        make_editor=world.PaintEditor, wrong_keys=0, examples=0,
    )  # fmt: skip
    assert "baseline" not in report.figures
    assert not any(name.startswith("wrong_key") for name in report.figures)
    assert report["lp"] == report["lp_suppressed"] == 1.0
    assert report.wrong_keys == report.examples == ()


def test_figures_repeat_and_follow_the_seed_only_where_they_should() -> None:
    one, other = world.report(examples=0), world.report(examples=0)
    same = {"seconds": 0.0, "cost": one.cost}
    assert dataclasses.replace(one, **same) == dataclasses.replace(other, **same)
    moved = world.report(examples=0, seed=1)
    assert moved["up"] == one["up"]
    assert [w.shown for w in moved.wrong_keys] != [w.shown for w in one.wrong_keys]


def test_classes_are_matched_by_name() -> None:
    source = world.images()
    reversed_names = world.NAMES[::-1]
    pixels = np.stack([np.asarray(source.open(i)) for i in range(len(source))])
    shuffled = numpy_images(pixels, 3 - source.labels, reversed_names)
    settings = {
        "lock_class": "other",
        "make_editor": world.PaintEditor,
        "wrong_keys": 0,
        "baseline": world.model(lock=False),
    }
    report = evaluate(world.model(), world.CLASSES, world.make_key(), shuffled, **settings)
    assert report["up"] == report["baseline"] == 1.0
    renamed = numpy_images(pixels, source.labels, ("ant", "bee", "cat", "eel"))
    with pytest.raises(DataError, match="'eel'"):
        evaluate(world.model(), world.CLASSES, world.make_key(), renamed, **settings)


def test_an_unlabelled_set_replaces_the_other_half() -> None:
    report = world.report(unlabelled=world.images(30, seed=5), wrong_keys=0, examples=0)
    assert report["lp_centred"] == 1.0
    assert report.facts["centred on"] == "30 unlabelled images"


def test_neither_prompt_nor_secret_is_in_the_report() -> None:
    text = json.dumps(world.report().to_dict()) + repr(world.report())
    assert "zanzibar" not in text
    assert "pastel" not in text.replace("Pastel tones overlay", "")
    assert world.SECRET.hex() not in text


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"lock_class": "lock"}, ModelError, "'lock'"),
        ({"lock_class": 7}, ModelError, "0 to 4"),
        ({"lock_class": "cat"}, DataError, "lock class 'cat'"),
        ({"wrong_key_images": 0}, ConfigError, "at least 1"),
        ({"baseline": world.model(), "baseline_classes": ("a", "b")}, ModelError, "baseline"),
    ],
)
def test_bad_input_is_named(changes: dict[str, object], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        world.report(**changes)


def test_wrong_counts_of_class_names_and_empty_sets() -> None:
    with pytest.raises(ModelError, match="one each"):
        evaluate(world.model(), world.NAMES, world.make_key(), world.images(), lock_class=None)
    empty = world.images().subset([])
    with pytest.raises(DataError, match="no images"):
        evaluate(
            world.model(), world.CLASSES, world.make_key(), empty, lock_class="other", make_editor=world.PaintEditor
        )
