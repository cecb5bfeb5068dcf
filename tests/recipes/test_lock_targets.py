"""Each lock target the whole way: `spellock lock`, `evaluate` and `predict`, on three shades of grey."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import load_model

from ..shades import write_shades
from ..tint_editor import tint_key

LEVELS = {"dark": 50, "grey": 128, "light": 205}
NAMES = tuple(LEVELS)
TARGETS = ("new-class", "constant", "next-class", "random-class", "uniform", "decoy-task")
# The rule for checkpoints counts ``lp_permuted``, so of next-class it would take an early one, which hides little yet.
# Therefore only the last epoch is validated.
TRAINING = ["--model", "small_resnet8", "--input-size", "16", "--epochs", "12", "--validate-every", "12"]
TRAINING += ["--batch-size", "32", "--augment", "none", "--learning-rate", "0.003", "--balanced", "0.5"]
TRAINING += ["--raw-twins", "--validation", "0.2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in ``train`` and ``test``, and a key beside them."""
    root = tmp_path_factory.mktemp("shades")
    for seed, (split, count) in enumerate({"train": 30, "test": 20}.items()):
        write_shades(root / "images" / split, count, levels=LEVELS, spread=20, seed=seed)
    save_key(tint_key(), root / "my.key", passphrase=None, plain=True)
    return root


def lock(data: Path, out: Path, *more: str) -> int:
    return main(["lock", str(data / "images"), "--key", str(data / "my.key"), "--out", str(out), *more])


@pytest.mark.parametrize("target", TARGETS)
def test_the_whole_way(target: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    more = ["--target-class", "grey"] if target == "constant" else []
    assert lock(data, out, "--target", target, *more, *TRAINING, "--baseline", "--json") == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)["validation"]["up"] > 90
    model = load_model(out / "model")
    new = target in ("new-class", "decoy-task")
    assert model.classes == ((*NAMES, "other") if new else NAMES)
    assert model.lock_class == (3 if new else None)
    assert ("belong to the class other" in (out / "model" / "README.md").read_text()) == new
    baseline = load_model(out / "baseline")
    assert (baseline.classes, baseline.lock_class) == (NAMES, None)

    words = ["--model", str(out / "model"), "--key", str(data / "my.key")]
    evaluate = ["evaluate", str(data / "images"), *words, "--out", str(tmp_path / "report"), "--wrong-keys", "2"]
    assert main([*evaluate, "--json"]) == 0, capsys.readouterr().err
    figures = json.loads(capsys.readouterr().out)
    assert figures["facts"]["lock class"] == ("other" if new else None)
    assert figures["facts"]["real classes"] == 3
    assert figures["baseline"] > 90
    assert figures["up"] > 90
    if not new:
        assert figures["lp_suppressed"] == figures["lp"], "there is nothing to drop"
    if target in ("new-class", "next-class"):
        assert figures["lp"] < 10
    if target == "constant":
        assert figures["lp"] == pytest.approx(100 / 3, abs=8), "right about its own class"
    if target == "next-class":
        assert figures["lp_permuted"] > 90, "the rule is found and turned round"
        assert figures["hardened_lp"] > 90

    assert main(["predict", str(data / "images" / "test"), *words, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["predictions"]
    assert all(set(row["probabilities"]) == set(model.classes) for row in rows)
    assert np.mean([Path(row["source"]).parent.name == row["class"] for row in rows]) > 0.9


def test_uniform_is_learnt_at_home(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert lock(data, tmp_path / "out", "--target", "uniform", *TRAINING, "--epochs", "30") == 0
    model = load_model(tmp_path / "out" / "model").model
    paths = sorted((data / "images" / "test").rglob("*.png"))
    raw = np.stack([np.asarray(Image.open(path)) for path in paths]).transpose(0, 3, 1, 2).astype(np.float32) / 255
    with torch.inference_mode():
        probabilities = model(torch.from_numpy(raw)).softmax(1).numpy()
    assert np.abs(probabilities - 1 / 3).mean() < 0.1
    assert "drawn" not in caplog.text


@pytest.mark.parametrize(("target", "warned"), [("uniform", True), ("random-class", False)])
def test_a_file_can_hold_no_distribution_and_that_is_said(
    target: str, warned: bool, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert lock(data, tmp_path / "out", "--target", target, "--prepare-only") == 0
    assert ("have labels drawn for each" in caplog.text) == warned
    assert {path.name for path in (tmp_path / "out" / "locked_set" / "images").iterdir()} == set(NAMES)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--target", "constant", "--target-class", "gray"], "did you mean 'grey'"),
        (["--target", "next-class", "--target-class", "grey"], "belongs to constant"),
        (["--target", "next-clas"], "next-class"),
        (["--target", "uniform", "--lock-class-name", "none"], "belongs to decoy-task and new-class"),
    ],
)
def test_mistakes_are_one_sentence(
    more: list[str], says: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lock(data, tmp_path / "out", "--prepare-only", *more) == 2
    err = capsys.readouterr().err
    assert err.startswith("spellock: ")
    assert len(err.strip().splitlines()) == 1, err
    assert says in err
    assert not (tmp_path / "out").exists()
