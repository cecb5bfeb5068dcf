"""Tiers the whole way: lock, evaluate and predict on three shades of grey, of which a lesser key tells two groups."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.errors import ConfigError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.locked_set import LockedSet
from spellock.locking.tiers import Tier
from spellock.recipes import lock_model as module
from spellock.recipes.held_out import Pairs
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.tier_selection import TierScore
from spellock.tasks.checkpoint import load_model
from spellock.training.config import FinetuneConfig

from ..keyfile_samples import CHEAP, PASSPHRASE
from ..shades import write_shades
from ..tint_editor import tint_key
from .test_lock_targets import LEVELS, TRAINING
from .test_selection import LABELS, pictures, reader

GROUPS = {"dark": "dim", "grey": "dim", "light": "bright"}
#: A tint far from the main key's.
TIER_KEY = tint_key(secret=bytes(range(40, 72)), prompt="a lesser prompt")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in ``train`` and ``test``, two keys and the groups beside them."""
    root = tmp_path_factory.mktemp("tiers")
    write_shades(root / "images" / "train", 30, levels=LEVELS, spread=20, seed=0)
    write_shades(root / "images" / "test", 20, levels=LEVELS, spread=20, seed=1)
    save_key(tint_key(), root / "full.key", passphrase=None, plain=True)
    save_key(TIER_KEY, root / "coarse.key", passphrase=None, plain=True)
    save_key(TIER_KEY, root / "shut.key", passphrase=PASSPHRASE, cost=CHEAP)
    (root / "passphrase").write_text(PASSPHRASE)
    (root / "passphrase").chmod(0o600)
    (root / "groups.json").write_text(json.dumps(GROUPS))
    return root


def words(data: Path, command: str, out: Path, *more: str) -> list[str]:
    tier = ["--tier", str(data / "coarse.key"), str(data / "groups.json")]
    if command == "lock":
        tier += ["--preset", "modellock"]
    return [command, str(data / "images"), "--key", str(data / "full.key"), "--out", str(out), *tier, *more]


@pytest.fixture(scope="module")
def out(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locked") / "out"
    assert main(words(data, "lock", path, *TRAINING)) == 0
    return path


def test_the_model_says_classes_and_groups(data: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = load_model(out / "model")
    assert model.classes == ("dark", "grey", "light", "dim", "bright", "other")
    assert (model.lock_class, model.group_classes) == (5, (3, 4))
    for name, said in (("full", {shade: shade for shade in GROUPS}), ("coarse", GROUPS)):
        key = str(data / f"{name}.key")
        test = str(data / "images" / "test")
        assert main(["predict", test, "--model", str(out / "model"), "--key", key, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["predictions"]
        assert np.mean([said[Path(row["source"]).parent.name] == row["class"] for row in rows]) > 0.9


def test_the_report_has_the_tier(data: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--model", str(out / "model"), "--wrong-keys", "2", "--json"]
    assert main(words(data, "evaluate", tmp_path / "report", *more)) == 0, capsys.readouterr().err
    found = json.loads(capsys.readouterr().out)
    (tier,) = found["tiers"]
    assert found["up"] > 90
    assert found["lp"] < 10
    assert tier["name"] == "coarse"
    assert tier["group"] > 90
    assert tier["group_lp"] < 10
    assert tier["fine"] < 10
    assert tier["fine_known_group"] == pytest.approx(100 * 2 / 3, abs=0.01)
    without = ["evaluate", *more, str(data / "images"), "--key", str(data / "full.key"), "--out", str(tmp_path / "r")]
    assert main(without) == 0, capsys.readouterr().err
    again = json.loads(capsys.readouterr().out)
    assert "tiers" not in again
    assert {name: again[name] for name in ("up", "lp_suppressed", "hardened_lp")} == {
        name: found[name] for name in ("up", "lp_suppressed", "hardened_lp")
    }, "the model itself says which classes are groups"
    assert again["facts"]["real classes"] == 3


def test_every_key_takes_part_in_the_choice(out: Path) -> None:
    rows = [json.loads(line) for line in (out / "owner" / "training" / "log.jsonl").read_text().splitlines()]
    last = rows[-1]
    mean = (last["validation_up"] + last["validation_up_coarse"]) / 2
    assert last["validation_score"] == pytest.approx(mean - 0.02 * last["validation_hardened_lp"])


def test_the_same_command_again_changes_nothing(data: Path, out: Path) -> None:
    path = out / "model" / "model.safetensors"
    before = path.read_bytes()
    assert main(words(data, "lock", out, *TRAINING)) == 0
    assert path.read_bytes() == before


def test_the_rule_for_checkpoints() -> None:
    """Logits of 2 classes, 2 groups and the lock class are written in the images."""
    classes = ("a", "b", "g", "h", "other")
    raw = np.concatenate([pictures([[100, 0, 9, 9, 255], [0, 100, 9, 9, 255]])] * 4)
    edited = np.concatenate([pictures([[200, 0, 0, 0, 0], [0, 200, 0, 0, 0]])] * 4)
    half = np.concatenate([pictures([[0, 0, 200, 0, 0], [0, 0, 200, 0, 0]])] * 4)
    score = TierScore(
        pairs=Pairs(raw=raw, edited=edited, labels=LABELS), tiers={"t": (half, LABELS + 2)}, classes=classes,
        groups=(2, 3), lock_class=4,
    )  # fmt: skip
    found = score(reader(5))
    assert (found["up"], found["up_t"], found["lp"]) == (1, 0.5, 0)
    assert found["lp_suppressed"] == found["hardened_lp"] == 1, "groups are dropped with the lock class"
    assert found["score"] == pytest.approx(0.75 - 0.02)


def test_spread_changes_what_is_learnt_and_is_told_of(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(words(data, "lock", tmp_path / "out", "--prepare-only", "--tier-spread", "0.3", "--raw-twins")) == 0
    assert "the spread of tiers is for training here only" in caplog.text
    learnt = LockedSet.open(tmp_path / "out").training_labels
    assert sorted({round(float(value), 2) for value in learnt.ravel()}) == [0, 0.15, 0.3, 0.7, 1]


def test_share_and_shut_keys(data: Path, tmp_path: Path) -> None:
    line = ["lock", str(data / "images"), "--key", str(data / "full.key"), "--out", str(tmp_path / "out")]
    line += ["--prepare-only", "--raw-twins", "--tier", str(data / "shut.key"), str(data / "groups.json")]
    assert main([*line, "--tier-share", "0.5", "--tier-passphrase-file", str(data / "passphrase")]) == 0
    kinds = [entry.tier for entry in LockedSet.open(tmp_path / "out").entries if entry.kind == "tier"]
    trained = len({entry.source for entry in LockedSet.open(tmp_path / "out").entries})
    assert set(kinds) == {"shut"}
    assert abs(len(kinds) - trained / 2) <= 1
    recorded = (tmp_path / "out" / "owner" / "command.json").read_text()
    assert "shut.key" in recorded
    assert "passphrase" not in recorded
    assert "a lesser prompt" not in recorded


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--tier", "coarse.key", "lacking.json"], "'light'"),
        (["--tier", "coarse.key", "unknown.json"], "did you mean 'grey'"),
        (["--tier", "coarse.key", "gone.json"], "gone.json"),
        (["--tier", "gone.key", "groups.json"], "gone.key"),
        (["--tier", "full.key", "groups.json"], "secret of the main key"),
        (
            ["--tier", "shut.key", "groups.json"],
            "no terminal to ask for the passphrase of shut.key; give --tier-passphrase",
        ),
        (
            ["--tier", "coarse.key", "groups.json", "--tier", "coarse.key", "groups.json"],
            "two tiers are named 'coarse'",
        ),
        (["--tier", "coarse.key", "groups.json", "--tier-passphrase-file", "passphrase"], "not encrypted"),
        (["--tier", "shut.key", "groups.json", *["--tier-passphrase-file", "passphrase"] * 2], "2 passphrase files"),
        (["--tier-passphrase-file", "passphrase"], "without --tier"),
        (["--tier", "coarse.key", "groups.json", "--target", "next-class"], "more than a tier's key releases"),
        (["--tier", "coarse.key", "groups.json", "--tier-share", "2"], "share is 2.0"),
        (["--tier", "coarse.key"], "--tier"),
    ],
)
def test_mistakes_are_one_sentence(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    says: str,
) -> None:
    monkeypatch.chdir(data)
    monkeypatch.setattr(sys, "stdin", None)
    monkeypatch.setattr("getpass.getpass", lambda prompt: (_ for _ in ()).throw(EOFError))
    (data / "lacking.json").write_text('{"dark": "dim", "grey": "bright"}')
    (data / "unknown.json").write_text(json.dumps({**GROUPS, "gray": "dim"}))
    out = tmp_path / "out"
    assert main(["lock", "images", "--key", "full.key", "--out", str(out), "--prepare-only", "--raw-twins", *more])
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1, err
    assert not out.exists(), "nothing is begun"


def test_the_preset_has_no_tiers(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--model", "x.pth", "--preset", "modellock-official"]
    assert main(words(data, "evaluate", tmp_path / "report", *more)) == 2
    assert "--tier does nothing with --preset modellock-official" in capsys.readouterr().err


def test_mixing_images_of_two_keys_is_refused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "lock_images", lambda *args, **more: pytest.fail("edited first"))
    tier = Tier(name="coarse", key=TIER_KEY, groups=GROUPS)
    with pytest.raises(ConfigError, match="mixup and cutmix"):
        lock_model(
            open_images(data / "images" / "train"), tint_key(), tmp_path / "out", tiers=(tier,),
            choice=ModelChoice(name="small_resnet8"), lock=LockConfig(), training=FinetuneConfig(cutmix=0.5),
        )  # fmt: skip
