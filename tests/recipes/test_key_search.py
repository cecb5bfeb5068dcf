"""The whole of a key search: what is written, who goes on, the same by the same seed, and pilots that learn nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.data.memory import numpy_images
from spellock.data.open_images import open_images
from spellock.errors import ConfigError
from spellock.prompts.halving import goodness
from spellock.recipes import search_run
from spellock.recipes.pilot import Pilot, pilot_edits, pilot_images
from spellock.recipes.run_pilots import run_pilots
from spellock.recipes.search_run import confirming
from spellock.recipes.search_trials import repeatable

from ..tint_editor import tint_key
from .key_search_toy import CONFIG, PILOT, Editors, search


def test_the_whole_way_stays_within_its_budget(data: Path, tmp_path: Path) -> None:
    out, editors, said = tmp_path / "out", Editors(), []
    found = search(data, out, editors, say=said.append)
    assert said[:4] == found.plan.lines()
    assert 0.8 * found.plan.edits < editors.edited <= found.plan.edits <= CONFIG.budget.edits
    trainings = [path for path in (out / "pilot").iterdir() if path.suffix == ".json"]
    assert len(trainings) == found.plan.trainings - found.chosen.trial.listed <= CONFIG.budget.pilots
    assert sorted(out / name for name in ("candidates.json", "trials.json", "search.txt", "search.json", "curve.png",
        "contact_sheet.png", "edits", "pilot")) == sorted(out.iterdir())  # fmt: skip
    assert out.stat().st_mode & 0o777 == 0o700
    for path in out.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert json.loads((out / "search.json").read_text()) == json.loads(json.dumps(found.to_dict()))
    for name in ("contact_sheet.png", "curve.png"):
        Image.open(out / name).verify()
    secret = bytes(found.chosen.trial.secret).hex()
    assert secret in (out / "trials.json").read_text()
    for shown in (repr(found), found.why, found.bits, "\n".join(said)):
        assert found.chosen.trial.candidate.prompt not in shown
    for shown in (repr(found), found.to_text(), json.dumps(found.to_dict())):
        assert secret not in shown


@pytest.mark.usefixtures("quick")
def test_every_rung_promotes_the_best_third_and_the_best_pilot_is_chosen(data: Path, tmp_path: Path) -> None:
    found = search(data, tmp_path / "out")
    first, last = found.plan.rungs
    assert (first.images, last.images) == (8, 16)
    for listed, rungs in ((False, (first.searched, last.searched)), (True, (first.listed, last.listed))):
        group = [one for one in found.tried if one.trial.listed == listed]
        assert len(group) == rungs[0]
        went = [one for one in group if len(one.scores) == 2]
        stayed = [one for one in group if len(one.scores) == 1]
        assert len(went) == rungs[1]
        assert all(one.scores[0].near is None for one in group)
        assert all(one.scores[1].near is not None for one in went)
        worst = max(goodness(one.scores[0].worth, one.rank) for one in went)
        assert all(goodness(one.scores[0].worth, one.rank) >= worst for one in stayed)
    piloted = [one for one in found.tried if one.pilot is not None]
    assert sum(one.trial.listed for one in piloted) == 1
    assert len(piloted) == found.plan.pilots + 1
    assert found.chosen.objective == max(one.objective for one in piloted)
    assert {one.trial.number for one in found.tried if one.confirmed} == {
        found.chosen.trial.number, found.listed.trial.number
    }  # fmt: skip
    assert np.isclose(found.gain, found.chosen.objective - found.listed.objective), "both lose the same in the fake"
    assert np.isclose(found.chosen.again, found.chosen.objective - 0.1)
    assert found.bits_lost == np.log2(first.keys)
    assert f"{256 - np.log2(first.keys):.1f} of its 256 bits" in found.to_text()


@pytest.mark.parametrize(("count", "wanted"), [(14, 24), (14, 28), (40, 24), (2, 4)])
def test_confirming_pilots_are_judged_on_images_that_judged_no_pilot(count: int, wanted: int) -> None:
    """Else the gain, which is said to be of other images, would have chosen itself in part."""
    classes = [str(number) for number in range(2 if count > 2 else 8)]
    labels = np.repeat(np.arange(len(classes)), count)
    images = numpy_images(np.zeros((len(labels), 8, 8), dtype=np.uint8), labels, classes)
    for seed in range(5):
        config = replace(PILOT, images=max(16, wanted), seed=seed)
        (_, judged), (train, test) = pilot_images(images, config), pilot_images(images, confirming(config))
        assert not set(test.ids) & set(judged.ids)
        assert not set(test.ids) & set(train.ids)
        assert len(test) == len(judged)
        assert set(test.labels) == set(train.labels) == set(range(len(classes)))
    with pytest.raises(ConfigError, match="confirming pilot has the seed 0"):
        replace(PILOT, seed=0, confirms=True)


@pytest.mark.usefixtures("quick")
def test_pilots_that_learn_nothing_are_said_to(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "learnt" not in search(data, tmp_path / "out").to_text()
    poor = Pilot(prompt="words", up=0.55, lp=0.1, hardened_lp=0.5)
    monkeypatch.setattr(search_run, "run_pilots", lambda *_, **__: (poor,))
    text = search(data, tmp_path / "out").to_text()
    assert "no pilot learnt much: the best UP is 55 % where guessing gets 50 %" in text


@pytest.mark.usefixtures("quick")
def test_a_key_that_is_behind_on_other_images_is_said_to_be(data: Path, tmp_path: Path) -> None:
    found = search(data, tmp_path / "out")
    assert found.gain > 0
    assert "was ahead" not in found.to_text()
    chosen, listed = found.chosen, found.listed
    turned = replace(found, tried=tuple(
        replace(one, confirmed=listed.confirmed if one is chosen else chosen.confirmed) if one.confirmed else one
        for one in found.tried
    ))  # fmt: skip
    assert turned.gain == -found.gain
    assert f"best listed prompt, key {listed.trial.number} of the table, was ahead" in turned.to_text()
    assert any("was ahead" in note for note in turned.to_dict()["notes"])


@pytest.mark.usefixtures("quick")
def test_the_same_seed_finds_the_same_and_another_another(data: Path, tmp_path: Path) -> None:
    one, same = (search(data, tmp_path / name) for name in "ab")
    assert [each.trial for each in one.tried] == [each.trial for each in same.tried]
    assert [each.scores[-1].worth for each in one.tried] == [each.scores[-1].worth for each in same.tried]
    assert one.chosen.trial == same.chosen.trial
    other = search(data, tmp_path / "c", randomness=repeatable(1))
    assert not {bytes(each.trial.secret) for each in one.tried} & {bytes(each.trial.secret) for each in other.tried}


def test_a_pilot_edits_no_more_than_it_says(data: Path, tmp_path: Path) -> None:
    images, editors = open_images(data), Editors()
    run_pilots(images, [tint_key()], tmp_path / "pilot", PILOT, make_editor=editors)
    said = pilot_edits(images, PILOT)
    assert said - 2 <= editors.edited <= said, "all but the raw 5 % of the training images"
