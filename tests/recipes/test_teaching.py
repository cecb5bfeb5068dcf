"""Objectives the whole way: `spellock lock` with a teacher, FMLock's two terms, raw versions, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.errors import ConfigError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.locking.tiers import Tier
from spellock.recipes.held_out import raw_images
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.presets import PRESETS
from spellock.recipes.teaching import guide_by, raw_versions
from spellock.tasks import create_model
from spellock.tasks.checkpoint import load_model, save_model
from spellock.training.config import FinetuneConfig
from spellock.training.epoch import EpochTrainer
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.objectives.teacher import Teacher

from ..shades import write_shades
from ..tint_editor import tint_key
from .test_lock_targets import LEVELS, NAMES, TRAINING

CHOICE = ModelChoice(name="small_resnet8", input_size=16)
CONFIG = FinetuneConfig(epochs=2, batch_size=16, unauthorised_share=0.5)
TAUGHT = ObjectiveConfig(objective="teacher", teacher_weight=0.5)
SHORT = ["--model", "small_resnet8", "--input-size", "16", "--epochs", "1", "--batch-size", "32"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shades")
    write_shades(root / "images", 24, levels=LEVELS, spread=20, size=(20, 24))
    save_key(tint_key(), root / "my.key", passphrase=None, plain=True)
    return root


def lock(data: Path, out: Path, *more: str) -> int:
    return main(["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(out), *more])


def trained(out: Path, name: str = "model") -> bytes:
    return (out / name / "model.safetensors").read_bytes()


def record(out: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "owner" / "training" / "config.json").read_text())
    return found


def test_the_baseline_teaches_and_a_folder_does_alike(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taught = ["--objective", "teacher", "--teacher-weight", "0.75", "--teacher-temperature", "2"]
    out, plain, given = tmp_path / "out", tmp_path / "plain", tmp_path / "given"
    assert lock(data, plain, *SHORT, "--objective", "None", "--baseline", "--json") == 0
    assert lock(data, out, *SHORT, *taught, "--json") == 0, capsys.readouterr().err
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["baseline"] == str(out / "baseline"), "nobody asked for it, but it was trained as teacher"
    assert record(out)["objective"] == "Teacher(teacher_weight=0.75, teacher_temperature=2.0)"
    assert "objective" not in record(plain)
    assert trained(out, "baseline") == trained(plain, "baseline"), "the baseline itself has no objective"
    assert trained(out) != trained(plain)
    assert lock(data, given, *SHORT, *taught, "--teacher", str(out / "baseline")) == 0
    assert trained(given) == trained(out)
    assert not (given / "baseline").exists()
    assert lock(data, tmp_path / "silent", *SHORT, "--objective", "teacher", "--teacher-weight", "0") == 0
    assert trained(tmp_path / "silent") == trained(plain)
    assert not (tmp_path / "silent" / "baseline").exists()


class Kill(BaseException):
    """Stands for a kill."""


@pytest.mark.parametrize("step", [7, 33], ids=["baseline", "locked model"])
def test_killed_and_resumed_ends_in_the_same_bytes(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    images, real, count = open_images(data / "images"), EpochTrainer._step, 0

    def run(out: Path) -> None:
        lock_model(images, tint_key(), out, choice=CHOICE, lock=LockConfig(), training=CONFIG, objective=TAUGHT)

    def killing(self: EpochTrainer, loss: object) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == step:
            raise Kill
        return real(self, loss)

    run(tmp_path / "whole")
    monkeypatch.setattr(EpochTrainer, "_step", killing)
    with pytest.raises(Kill):
        run(tmp_path / "killed")
    monkeypatch.undo()
    assert (tmp_path / "killed" / "baseline").exists() == (step == 33)
    run(tmp_path / "killed")
    assert trained(tmp_path / "killed") == trained(tmp_path / "whole")
    assert trained(tmp_path / "killed", "baseline") == trained(tmp_path / "whole", "baseline")


def test_fmlock_by_its_preset(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the weights that the original began with, and from the original itself, as FMLock locks a finished model."""
    assert PRESETS["fmlock"].objective.objective == "fmlock"
    first, original = tmp_path / "first", str(tmp_path / "first" / "baseline")
    own = ["--teacher", original, "--model", original, "--epochs", "6", "--validate-every", "6"]
    for out, more in ((first, []), (tmp_path / "own", own)):
        capsys.readouterr()
        assert lock(data, out, "--preset", "fmlock", *TRAINING, *more, "--json") == 0, capsys.readouterr().err
        figures = json.loads(capsys.readouterr().out)["validation"]
        model = load_model(out / "model")
        assert (model.classes, model.lock_class) == (NAMES, None)
        assert record(out)["objective"] == "FMLock(push_weight=1.0)"
        assert figures["up"] > 90
        assert figures["lp"] < 10


def kinds(locked: LockedSet) -> list[str]:
    return [entry.kind for entry in locked.entries or ()]


@pytest.mark.parametrize("asks", ["authorised", "all"])
@pytest.mark.parametrize("raw_twins", [False, True])
def test_raw_versions_are_those_of_the_same_source(data: Path, tmp_path: Path, asks: str, raw_twins: bool) -> None:
    images, key = open_images(data / "images"), tint_key()
    config = LockConfig(raw_twins=raw_twins, decoys=10, decoy_keys=2, validation=0.2, edited_fraction=0.8)
    locked = lock_images(images, key, tmp_path / "out", config)
    pixels = locked.arrays()
    versions, places = raw_versions(locked, images, key, pixels, asks=asks)  # type: ignore[arg-type]
    assert (versions is pixels) == raw_twins
    assert set(kinds(locked)) == {"edited", "raw", "decoy"} | ({"twin"} if raw_twins else set())
    for entry, own, place in zip(locked.entries or (), pixels, places, strict=True):
        if asks == "authorised" and entry.kind != "edited":
            assert place == -1
            continue
        (expected,), _ = raw_images(images, [entry.source], key)
        assert np.array_equal(versions[place], expected)
        assert np.array_equal(own, expected) == (entry.kind in ("raw", "twin"))


def test_tiers_have_no_twin_and_fmlock_no_tiers(data: Path, tmp_path: Path) -> None:
    images, key = open_images(data / "images"), tint_key()
    groups = {"dark": "dim", "grey": "dim", "light": "bright"}
    tier = Tier(name="coarse", key=tint_key(secret=bytes(range(40, 72)), prompt="other"), groups=groups)
    config = LockConfig(validation=0.2)
    locked = lock_images(images, key, tmp_path / "set", config, tiers=[tier])
    _, places = raw_versions(locked, images, key, locked.arrays(), asks="authorised")
    assert {kind for kind, place in zip(kinds(locked), places, strict=True) if place >= 0} == {"edited"}
    assert "tier" in kinds(locked)
    more = {"choice": CHOICE, "lock": config, "tiers": [tier]}
    one = FinetuneConfig(epochs=1, batch_size=64)
    lock_model(images, key, tmp_path / "set", training=one, objective=TAUGHT, **more)  # type: ignore[arg-type]
    assert "Teacher" in str(record(tmp_path / "set")["objective"])
    with pytest.raises(ConfigError, match="no answer for groups"):
        lock_model(
            images, key, tmp_path / "no", training=one, objective=ObjectiveConfig(objective="fmlock"), **more,  # type: ignore[arg-type]
        )  # fmt: skip


def teacher(folder: Path, classes: tuple[str, ...]) -> Path:
    model = create_model("small_resnet8", num_classes=len(classes), input_size=16, seed=3)
    save_model(model, folder, classes=classes, lock_class=None)
    return folder


def test_a_teacher_may_name_the_classes_in_another_order(data: Path, tmp_path: Path) -> None:
    images, key = open_images(data / "images"), tint_key()
    locked = lock_images(images, key, tmp_path / "out", LockConfig())
    folder = teacher(tmp_path / "teacher", ("light", "dark", "grey"))
    found = guide_by(Teacher(), folder, locked, images, key, locked.arrays())
    assert locked.classes == (*NAMES, "other")
    assert found.columns == (2, 0, 1)


@pytest.mark.parametrize(
    ("classes", "more", "code", "says"),
    [
        (("dark", "light"), [], 1, "has 2 classes, expected the 3 of the data without a lock class (first"),
        ((*NAMES, "other"), [], 1, "has 4 classes, expected the 3"),
        (("dark", "gray", "light"), [], 1, "'gray'"),
        (NAMES, ["--objective", "None"], 2, "but no objective uses it"),
        (NAMES, ["--prepare-only"], 2, "no model is trained"),
        (NAMES, ["--objective", "teachr"], 2, "did you mean teacher"),
        (NAMES, ["--objective", "fmlock", "--teacher-weight", "0.5"], 2, "belongs to teacher"),
        (NAMES, ["--teacher-weight", "2"], 2, "expected a number in [0, 1]"),
        (None, [], 1, "no model folder at"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence_before_any_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    classes: tuple[str, ...] | None, more: list[str], code: int, says: str,
) -> None:  # fmt: skip
    folder = tmp_path / "teacher" if classes is None else teacher(tmp_path / "teacher", classes)
    words = [*SHORT, "--objective", "teacher", "--teacher", str(folder), *more]
    assert lock(data, tmp_path / "out", *words) == code
    err = capsys.readouterr().err
    assert err.startswith("spellock: ")
    assert len(err.strip().splitlines()) == 1, err
    assert says in err
    assert not (tmp_path / "out").exists()
