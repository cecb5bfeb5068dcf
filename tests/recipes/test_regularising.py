"""Regularisers and projection the whole way: `spellock lock`, what is kept of it, refusals before any work."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.editors.presets import new_key
from spellock.errors import ConfigError, DataError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.recipes.presets import get_preset
from spellock.recipes.regularising import check_regularising, regularise_by
from spellock.tasks.registry import make_task
from spellock.training.regularisation_config import RegularisationConfig
from spellock.training.regularisers.probe import Probe

from ..shades import write_shades
from ..tint_editor import tint_key
from .test_lock_targets import LEVELS, NAMES

SHORT = ["--model", "small_resnet8", "--input-size", "16", "--epochs", "1", "--batch-size", "32"]
ALL = ["--objective", "teacher", "--regularisers", "anchor", "probe", "--combination", "projection"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shades")
    write_shades(root / "images", 24, levels=LEVELS, spread=20, size=(20, 24))
    save_key(tint_key(), root / "my.key", passphrase=None, plain=True)
    return root


def lock(data: Path, out: Path, *more: str) -> int:
    return main(["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(out), *more])


def record(out: Path, name: str = "training") -> dict[str, object]:
    found: dict[str, object] = json.loads((out / "owner" / name / "config.json").read_text())
    return found


def test_all_parts_from_the_command_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, more = tmp_path / "out", ["--probe-weight", "0.5", "--task-loss-limit", "1.5"]
    assert lock(data, out, *SHORT, *ALL, *more) == 0, capsys.readouterr().err
    found = record(out)
    assert found["objective"] == "Teacher(teacher_weight=0.5, teacher_temperature=2.0)"
    assert found["regularisers"] == (
        "Anchor(anchor_weight=1.0, blind_weight=1.0), Probe(probe_weight=0.5, probe_fourier=64)"
    )
    assert found["combination"] == "Projection(task_loss_limit=1.5)"
    assert "regularisers" not in record(out, "baseline_training")
    rows = (out / "owner" / "training" / "log.jsonl").read_text().splitlines()
    assert {"gradient_cosine", "log_lock_weight", "task_loss"} <= set(json.loads(rows[0]))
    command = json.loads((out / "owner" / "command.json").read_text())
    assert "projection" in json.dumps(command)
    weights = (out / "model" / "model.safetensors").read_bytes()
    capsys.readouterr()
    assert lock(data, out, *SHORT, *ALL, *more) == 0, "what is finished is kept"
    assert (out / "model" / "model.safetensors").read_bytes() == weights
    assert lock(data, out, *SHORT, *ALL) == 2
    assert "regularisers" in capsys.readouterr().err


def test_the_preset_against_leaks(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    usual, more = get_preset("hardened"), get_preset("hardened-leaks")
    assert replace(more.lock, decoy_share=0.5, decoy_keys=1500, decoy_leaks=0.0) == usual.lock
    assert (more.training, more.objective) == (usual.training, usual.objective)
    words = ["--preset", "hardened-leaks", "--decoy-share", "0.5", "--decoy-keys", "16", *SHORT]
    woven = tmp_path / "woven.key"
    save_key(new_key("embedded", resolution=16, weave=0.1, secret=bytes(32)), woven, passphrase=None, plain=True)
    assert lock(data, tmp_path / "out", *words, "--key", str(woven)) == 0, capsys.readouterr().err
    assert record(tmp_path / "out")["regularisers"] == "Unlikelihood(unlikelihood_weight=1.0)"
    assert lock(data, tmp_path / "no", *words) == 2
    assert "has no weave that could be read off" in capsys.readouterr().err
    assert not (tmp_path / "no" / "locked_set").exists()
    assert lock(data, tmp_path / "set", *words, "--key", str(woven), "--prepare-only") == 0, "asks for no regulariser"
    names = sorted(one.name for one in (tmp_path / "set" / "locked_set").rglob("*.png"))
    assert names == sorted(one.name for one in (tmp_path / "out" / "locked_set").rglob("*.png"))
    assert lock(data, tmp_path / "bare", *words, "--key", str(woven), "--regularisers") == 0
    assert "regularisers" not in record(tmp_path / "bare")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--regularisers", "probe", "--mixup", "0.2"], "set both to 0"),
        (["--tensorboard"], "spellock[tensorboard]"),
    ],
)
def test_what_training_cannot_do_is_told_before_anything_is_edited(
    more: list[str],
    says: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert lock(data, tmp_path / "out", *SHORT, *more) != 0
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_a_regulariser_is_told_of_a_locked_set(data: Path, tmp_path: Path) -> None:
    images = open_images(data / "images")
    config = LockConfig(target="decoy-task", raw_twins=True, decoys=10, decoy_keys=2, validation=0.2)
    locked = lock_images(images, tint_key(), tmp_path / "out", config)
    told = regularise_by(RegularisationConfig(regularisers=("probe",)), locked, len(images.classes))
    assert told is not None
    assert told.regularisers == (Probe(),)
    truth = dict(zip(images.ids, images.labels.tolist(), strict=True))
    for entry, label, raw in zip(locked.entries or (), told.truth, told.raw, strict=True):
        assert label == truth[entry.source]
        assert raw == (entry.kind in ("raw", "twin"))
    assert np.array_equal(told.of(np.array([0, 5])), np.eye(3, dtype=np.float32)[told.truth[[0, 5]]])
    assert regularise_by(RegularisationConfig(combination="projection"), locked, 3) is None
    with pytest.raises(DataError, match="owner's manifest"):
        regularise_by(RegularisationConfig(regularisers=("probe",)), LockedSet.open(tmp_path / "out" / "locked_set"), 3)


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_detectors_have_none(task: str) -> None:
    config = RegularisationConfig(regularisers=("anchor",), combination="projection")
    check_regularising(config, make_task(task), NAMES, trains=True)
    with pytest.raises(ConfigError, match="detectors have no regularisers"):
        check_regularising(config, make_task("detection"), NAMES, trains=True)
    check_regularising(RegularisationConfig(), make_task("detection"), NAMES, trains=False)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--prepare-only"], "no model is trained"),
        (["--regularisers", "anker"], "no regulariser 'anker'; did you mean anchor"),
        (["--regularisers", "probe", "--anchor-weight", "2"], "it belongs to anchor"),
        (["--regularisers", "probe", "probe"], "expected each once"),
        (["--combination", "difference"], "no combination 'difference'"),
        (["--regularisers", "probe", "--probe-weight", "-1"], "probe_weight is -1"),
    ],
)
def test_mistakes_are_one_sentence_before_any_work(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], more: list[str], says: str
) -> None:
    assert lock(data, tmp_path / "out", *SHORT, "--combination", "projection", *more) == 2
    err = capsys.readouterr().err
    assert err.startswith("spellock: ")
    assert len(err.strip().splitlines()) == 1, err
    assert says in err
    assert not (tmp_path / "out").exists()
