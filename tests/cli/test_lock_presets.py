"""Presets give defaults, and what is said besides replaces them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.errors import ConfigError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.recipes.presets import DEFAULT_PRESET, PRESETS, get_preset
from spellock.training.config import FinetuneConfig

from ..tint_editor import tint_key


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("presets")
    draws = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (root / "images" / name).mkdir(parents=True)
        for number in range(24):
            pixels = (level + draws.integers(-30, 30, (16, 16, 3))).astype(np.uint8)
            Image.fromarray(pixels).save(root / "images" / name / f"{number}.png")
    save_key(tint_key(), root / "my.key", passphrase=None, plain=True)
    return root


def settings(data: Path, out: Path, *more: str) -> dict[str, Any]:
    """What the locked set was made with."""
    words = ["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(out), "--prepare-only", *more]
    assert main(words) == 0
    found: dict[str, Any] = json.loads((out / "owner" / "config.json").read_text())["config"]
    return found


def as_json(config: LockConfig) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return found


def test_hardened_is_the_default(data: Path, tmp_path: Path) -> None:
    assert DEFAULT_PRESET == "hardened"
    assert settings(data, tmp_path / "out") == as_json(PRESETS["hardened"].lock)
    run = json.loads((tmp_path / "out" / "owner" / "command.json").read_text())["arguments"]
    assert run["training"]["unauthorised_share"] == run["training"]["alone_share"] == 0.5


@pytest.mark.parametrize("flag", ["--prepare-only", "--prepare_only"])
def test_the_presets_teacher_is_not_asked_for_where_nothing_is_trained(data: Path, tmp_path: Path, flag: str) -> None:
    words = ["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(tmp_path / "out"), flag]
    assert PRESETS["hardened"].objective.objective == "teacher"
    assert main(words) == 0
    run = json.loads((tmp_path / "out" / "owner" / "command.json").read_text())["arguments"]
    assert run["objectives"]["objective"] is None
    assert main([*words[:-2], str(tmp_path / "other"), flag, "--objective", "teacher"]) == 2, "asked for in words"


def test_modellock_is_the_papers_way(data: Path, tmp_path: Path) -> None:
    found = settings(data, tmp_path / "out", "--preset", "modellock")
    assert found == as_json(LockConfig())
    assert (found["edited_fraction"], found["target"], found["raw_twins"], found["decoys"]) == (
        0.95, "new-class", False, 0
    )  # fmt: skip
    assert PRESETS["modellock"].training == FinetuneConfig(), "plain drawing"


def test_what_is_said_replaces_the_preset(data: Path, tmp_path: Path) -> None:
    found = settings(data, tmp_path / "out", "--no-raw-twins", "--decoys", "8", "--target", "uniform", "--alpha", "0.8")
    assert (found["raw_twins"], found["decoys"], found["decoy_share"]) == (False, 8, None)
    assert (found["target"], found["edited_fraction"]) == ("uniform", 0.8)
    found = settings(data, tmp_path / "other", "--preset=modellock", "--raw-twins", "--decoy-share", "0.5")
    assert (found["raw_twins"], found["decoy_share"], found["target"]) == (True, 0.5, "new-class")


def test_pairs_for_a_training_service_are_warned_of(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings(data, tmp_path / "out")
    assert "both raw and edited" in caplog.text
    caplog.clear()
    settings(data, tmp_path / "other", "--preset", "modellock")
    assert "both raw and edited" not in caplog.text


def test_options_of_training_are_told_to_do_nothing_where_nothing_is_trained(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings(data, tmp_path / "quiet", "--alpha", "0.9", "--seed", "3")
    assert "did nothing here" not in caplog.text
    more = ("--model", "resnet20", "--weights", "x.pth", "--epochs", "3", "--balanced", "0.25")
    more += ("--teacher", "no such folder")
    assert settings(data, tmp_path / "out", *more) == settings(data, tmp_path / "plain")
    assert (
        "--prepare-only trains nothing: --model, --weights, --teacher, --epochs, --balanced did nothing here"
        in caplog.text
    )


def test_of_two_presets_the_last_one_counts_in_everything(data: Path, tmp_path: Path) -> None:
    more = ["--preset", "hardened", "--preset", "modellock"]
    assert settings(data, tmp_path / "out", *more) == as_json(LockConfig())
    run = json.loads((tmp_path / "out" / "owner" / "command.json").read_text())["arguments"]
    assert (run["preset"], run["training"]["unauthorised_share"]) == ("modellock", None)


def test_an_unknown_preset_is_one_sentence(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(tmp_path / "out")]
    assert main([*words, "--preset", "hardend"]) == 2
    assert capsys.readouterr().err.endswith("preset 'hardend'; did you mean hardened or hardened-leaks?\n")
    with pytest.raises(ConfigError, match="hardened or hardened-leaks or modellock"):
        get_preset("zzz")
