"""The whole of a key search with stand-ins: what is written, budget, resuming, the same by the same seed, refusals."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spellock.cli import prompts_search as command
from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.keyfile import load_key
from spellock.prompts.halving import Budget, goodness
from spellock.prompts.offline import OfflineConfig
from spellock.prompts.trial import Trial
from spellock.recipes import search_run
from spellock.recipes.key_search import KeySearchConfig, search_keys
from spellock.recipes.model_choice import ModelChoice
from spellock.recipes.near_trials import near_keys
from spellock.recipes.pilot import Pilot, PilotConfig, pilot_edits, run_pilots
from spellock.recipes.search_trials import LISTED, PUBLIC_SECRET, repeatable
from spellock.training.config import FinetuneConfig

from ..shades import write_shades
from ..tint_editor import tint_key

TRAINING = FinetuneConfig(epochs=1, batch_size=8, warmup_epochs=0, augment="none", unauthorised_share=0.5)
PILOT = PilotConfig(choice=ModelChoice(name="small_resnet8", input_size=16), images=24, training=TRAINING, wrong_keys=2)
CONFIG = KeySearchConfig(
    budget=Budget(edits=900, pilots=5), offline=OfflineConfig(tables=False, hybrids=3, meaningless=2), images=8
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shades(tmp_path_factory.mktemp("shades") / "data", 14, levels={"cat": 60, "tractor": 190})


def make_key(trial: Trial) -> Key:
    key = tint_key(prompt=trial.candidate.prompt, secret=bytes(trial.secret))
    return key.replace(gamma=trial.settings["gamma"])


class Editors:
    """Loads editors, counts the images that they edit, and stops like a killed process after some."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.edited, self.stop_at = 0, stop_at

    def __call__(self, key: Key) -> Editor:
        editor = load_editor(key)
        inner = editor.edit_uint8

        def counted(images: Any, ids: Any = None) -> Any:
            self.edited += len(images)
            if self.stop_at is not None and self.edited > self.stop_at:
                raise KeyboardInterrupt
            return inner(images, ids)

        editor.edit_uint8 = counted  # type: ignore[method-assign]
        return editor


def fake_pilots(images: Any, keys: Any, out: Path, config: PilotConfig, **_: Any) -> tuple[Pilot, ...]:
    """Figures out of a key's blend instead of trainings; on other images they are 0.1 less."""
    (key,) = keys
    gap = 1 - abs(key.gamma - 0.6) - 0.1 * (config.seed - PILOT.seed)
    return (Pilot(prompt=str(key.settings["prompt"]), up=gap, lp=0.0, hardened_lp=0.0),)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots that need no training."""
    monkeypatch.setattr(search_run, "run_pilots", fake_pilots)


def search(data: Path, out: Path, editors: Editors | None = None, **more: Any) -> Any:
    usual: dict[str, Any] = {"pilot": PILOT, "make_key": make_key, "randomness": repeatable(0)}
    config = more.pop("config", CONFIG)
    return search_keys(open_images(data), out, config, make_editor=editors or Editors(), **{**usual, **more})


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


@pytest.mark.usefixtures("quick")
def test_pilots_that_learn_nothing_are_said_to(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "learnt" not in search(data, tmp_path / "out").to_text()
    poor = Pilot(prompt="words", up=0.55, lp=0.1, hardened_lp=0.5)
    monkeypatch.setattr(search_run, "run_pilots", lambda *_, **__: (poor,))
    text = search(data, tmp_path / "out").to_text()
    assert "no pilot learnt much: the best UP is 55 % where guessing gets 50 %" in text


@pytest.mark.usefixtures("quick")
def test_the_same_seed_finds_the_same_and_another_another(data: Path, tmp_path: Path) -> None:
    one, same = (search(data, tmp_path / name) for name in "ab")
    assert [each.trial for each in one.tried] == [each.trial for each in same.tried]
    assert [each.scores[-1].worth for each in one.tried] == [each.scores[-1].worth for each in same.tried]
    assert one.chosen.trial == same.chosen.trial
    other = search(data, tmp_path / "c", randomness=repeatable(1))
    assert not {bytes(each.trial.secret) for each in one.tried} & {bytes(each.trial.secret) for each in other.tried}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stop_at", [100, 400])
def test_stopped_work_goes_on(data: Path, tmp_path: Path, stop_at: int) -> None:
    whole = Editors()
    wanted = search(data, tmp_path / "whole", whole)
    with pytest.raises(KeyboardInterrupt):
        search(data, tmp_path / "out", Editors(stop_at))
    rest = Editors()
    assert without_times(search(data, tmp_path / "out", rest)) == without_times(wanted)
    assert whole.edited - stop_at <= rest.edited < whole.edited - stop_at + 2 * 16
    again = Editors()
    assert without_times(search(data, tmp_path / "out", again)) == without_times(wanted)
    assert again.edited == 0


def without_times(found: Any) -> Any:
    values = found.to_dict()
    for one in (*values["keys"], values["recommended"], values["best_listed"]):
        del one["figures"]["cost"]
    return values


@pytest.mark.usefixtures("quick")
def test_a_larger_budget_keeps_the_keys_of_a_smaller_one(data: Path, tmp_path: Path) -> None:
    small = search(data, tmp_path / "out", randomness=repeatable(0))
    large = search(data, tmp_path / "out", config=config(budget=Budget(edits=1000, pilots=5)), randomness=repeatable(1))
    count = len(small.tried)
    assert len(large.tried) > count
    assert [one.trial for one in large.tried[:count]] == [one.trial for one in small.tried]


@pytest.mark.usefixtures("quick")
def test_other_wishes_and_damaged_files_draw_again(data: Path, tmp_path: Path) -> None:
    changed = search(data, tmp_path / "out", config=config(fresh_secret=True))
    assert {bytes(one.trial.secret) for one in changed.tried} == {PUBLIC_SECRET}
    assert changed.bits_lost == 0
    (tmp_path / "out" / "trials.json").write_text('{"wishes": 1, "tri')
    again = search(data, tmp_path / "out")
    assert len({bytes(one.trial.secret) for one in again.tried}) == len(again.tried) == len(changed.tried)


def config(**changes: Any) -> KeySearchConfig:
    values = {name: getattr(CONFIG, name) for name in CONFIG.__dataclass_fields__}
    return KeySearchConfig(**{**values, **changes})


def test_near_keys_know_all_but_one_thing() -> None:
    trial = Trial(
        number=1, candidate=LISTED[0], secret=bytes(range(32)),
        settings={"gamma": 0.5, "guidance_scale": 1.0, "image_guidance_scale": 1.0, "steps": 5.0, "weave": 0.1},
    )  # fmt: skip
    key = make_key(trial)
    near = near_keys(trial, make_key, 5, seed=0)
    assert near == near_keys(trial, make_key, 5, seed=0)
    assert len(set(near)) == 5
    assert [one.settings == key.settings for one in near] == [False] * 3 + [True] * 2
    assert [one.secret == key.secret for one in near] == [True] * 3 + [False] * 2
    assert not near_keys(trial, make_key, 0, seed=0)


def test_a_pilot_edits_no_more_than_it_says(data: Path, tmp_path: Path) -> None:
    images, editors = open_images(data), Editors()
    run_pilots(images, [tint_key()], tmp_path / "pilot", PILOT, make_editor=editors)
    said = pilot_edits(images, PILOT)
    assert said - 2 <= editors.edited <= said, "all but the raw 5 % of the training images"


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_searched(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="too small for one pilot"):
        search(data, out, config=config(budget=Budget(edits=300, pilots=5)))
    shutil.copytree(data / "cat", tmp_path / "one" / "cat")
    with pytest.raises(DataError, match="one class only"):
        search(tmp_path / "one", out)
    with pytest.raises(DataError, match="--images 28"):
        search(data, out, config=config(images=64, budget=Budget(edits=90_000)))
    nothing = OfflineConfig(tables=False, hybrids=0, meaningless=0)
    with pytest.raises(ConfigError, match="no candidate prompt left"):
        search(data, out, config=config(offline=nothing))
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(ConfigError, match="chmod 700"):
        search(data, tmp_path / "open")
    for wrong in ({"images": 7}, {"rungs": 0}, {"near": 21}, {"preset": "none"}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            config(**wrong)


WORDS = ["--no-tables", "--hybrids", "3", "--meaningless", "2", "--images", "8", "--pilot-images", "24", "--model",
    "small_resnet8", "--input-size", "16"]  # fmt: skip


@pytest.fixture
def tinted(monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    """Keys of the command are the stand-in editor's."""
    monkeypatch.setattr(command, "_key", lambda trial, args: make_key(trial))


@pytest.mark.usefixtures("tinted")
@pytest.mark.parametrize("fresh", [False, True])
def test_the_command_writes_the_searched_key_and_tells_no_log(
    fresh: bool, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    words = ["prompts", "search", str(data), "--out", str(tmp_path / "out"), *WORDS, "--budget", "900", "5", "--json"]
    words += ["--fresh-secret"] if fresh else []
    with caplog.at_level(logging.DEBUG):
        code = main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"])
    said = capsys.readouterr()
    assert code == 0, said.err
    found = json.loads(said.out)
    assert said.err.startswith("rung 1: ")
    assert f"in all at most {found['plan']['edits']} edits" in said.err
    key = load_key(tmp_path / "my.key")
    assert key.settings["prompt"] == found["recommended"]["prompt"]
    assert key.gamma == found["recommended"]["settings"]["gamma"]
    secrets = [one["secret"] for one in json.loads((tmp_path / "out" / "trials.json").read_text())["trials"]]
    assert (bytes(key.secret).hex() == secrets[found["recommended"]["key"] - 1]) != fresh
    assert bytes(key.secret).hex() not in secrets or not fresh
    record = (tmp_path / "out" / "command.json").read_text()
    for one in found["keys"]:
        assert one["prompt"] not in said.err + caplog.text + record
    assert bytes(key.secret).hex() not in said.err + said.out + caplog.text + record
    assert main([*words, "--write-key", str(tmp_path / "my.key"), "--plain"]) == 1, "a key is never replaced"


@pytest.mark.usefixtures("tinted")
@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        (["--budget", "500", "5"], 2, "too small for one pilot of a searched key"),
        (["--budget", "5000", "3"], 2, "expected at least 4"),
        (["--gamma", "0.6", "0.4"], 2, "lower end first"),
        (["--weave", "0", "0.7"], 2, "within 0 to 0.5"),
        (["--preset", "none"], 2, "no preset"),
        (["--plain"], 2, "--write-key"),
        (["--prompts-file", "none.txt"], 2, "cannot read the prompts file"),
        (["--images", "40"], 1, "--images 28"),
    ],
)
def test_refusals_are_one_sentence(
    more: list[str], code: int, says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prompts", "search", str(data), "--out", str(tmp_path / "out"), *WORDS, *more]) == code
    (sentence,) = capsys.readouterr().err.strip().splitlines()
    assert says in sentence
