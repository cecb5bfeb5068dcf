"""From a folder of images to a locked model, through Python and through the command line."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from spellock.cli.lock import LockArgs
from spellock.cli.lock_flags import LockingFlags, TrainingFlags, plain
from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.errors import ConfigError, DataError, ModelError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.locked_set import LockedSet
from spellock.recipes import lock_model as module
from spellock.recipes import training_runs
from spellock.recipes.held_out import held_out_pairs, raw_images
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.training_runs import same_steps, sampler_steps
from spellock.tasks.checkpoint import load_model
from spellock.training.config import FinetuneConfig

from ..shades import write_shades
from ..tint_editor import PROMPT, tint_key

CHOICE = ModelChoice(name="small_resnet8", input_size=16)
TRAINING = FinetuneConfig(epochs=2, batch_size=16, augment="none", unauthorised_share=0.5)
LOCK = LockConfig(raw_twins=True, validation=0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 20 noisy images, dark and bright."""
    return write_shades(tmp_path_factory.mktemp("data"), 20, size=(20, 24))


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "test.key"
    save_key(tint_key(), path, passphrase=None, plain=True)
    return path


@pytest.fixture(scope="module")
def out(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locked") / "out"
    lock_model(open_images(folder), tint_key(), path, choice=CHOICE, lock=LOCK, training=TRAINING, baseline=True)
    return path


def test_model_and_baseline_know_their_classes(out: Path) -> None:
    assert load_model(out / "model").classes == ("dark", "light", "other")
    assert load_model(out / "baseline").classes == ("dark", "light")


def test_the_same_call_again_changes_nothing(folder: Path, out: Path) -> None:
    files = [out / "model" / "model.safetensors", out / "baseline" / "model.safetensors"]
    before = [path.read_bytes() for path in files]
    again = lock_model(open_images(folder), tint_key(), out, choice=CHOICE, lock=LOCK, training=TRAINING, baseline=True)
    assert [path.read_bytes() for path in files] == before
    assert {"up", "lp", "hardened_lp", "score"} <= again.validation.keys()


def test_a_large_set_is_mapped_and_gives_the_same_model(
    folder: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_runs, "_LARGE", 0)
    lock_model(open_images(folder), tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=TRAINING)
    assert (tmp_path / "out" / "owner" / "images.npy").is_file()
    weights = [path / "model" / "model.safetensors" for path in (out, tmp_path / "out")]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_other_settings_do_not_overwrite(folder: Path, out: Path) -> None:
    other = FinetuneConfig(epochs=3, batch_size=16, augment="none", unauthorised_share=0.5)
    with pytest.raises(ConfigError):
        lock_model(open_images(folder), tint_key(), out, choice=CHOICE, lock=LOCK, training=other)


def test_pairs_are_pairs_and_nobody_trains_on_them(folder: Path, out: Path) -> None:
    locked = LockedSet.open(out)
    pairs = held_out_pairs(locked)
    assert pairs is not None
    assert len(pairs.labels) == 8
    colour = pairs.edited.astype(float) - pairs.raw / 2
    assert np.ptp(colour.reshape(-1, 3), axis=0).max() <= 1.01, "edited = raw / 2 + half of one colour"
    means = pairs.raw.mean(axis=(1, 2, 3))
    assert ((means > 125) == (pairs.labels == 1)).all()
    assert locked.entries is not None
    trained = {entry.source for entry in locked.entries}
    assert len(trained) == 32
    images = open_images(folder)
    pixels, labels = raw_images(images, trained, tint_key())
    assert len(pixels) == len(labels) == 32
    for raw in pairs.raw:
        assert not (pixels == raw).all(axis=(1, 2, 3)).any()


def test_the_baseline_gets_as_many_steps(out: Path) -> None:
    locked = LockedSet.open(out)
    steps = TRAINING.epochs * sampler_steps(TRAINING, locked)
    budget = same_steps(TRAINING, locked, 32)
    assert steps == 2 * 4, "32 edited images, 8 in a batch"
    assert budget.epochs == 4, "32 raw images, 16 in a batch"
    assert budget.unauthorised_share is None
    assert budget.warmup_epochs == 2 * TRAINING.warmup_epochs


def test_a_warm_up_of_all_epochs_stays_one() -> None:
    class Plain:
        authorised = None

        def __len__(self) -> int:
            return 58

    training = FinetuneConfig(epochs=7, batch_size=2, warmup_epochs=7)
    budget = same_steps(training, Plain(), 14)  # type: ignore[arg-type]
    assert (budget.epochs, budget.warmup_epochs) == (29, 29), "7 * (29 / 7) is a little more than 29"


def test_prepare_only_needs_no_model(folder: Path, tmp_path: Path) -> None:
    made = lock_model(open_images(folder), tint_key(), tmp_path / "out", choice=None, lock=LOCK, training=TRAINING)
    assert made.model is None
    assert (made.set_folder / "images" / "other").is_dir()


def test_an_impossible_model_fails_before_the_editing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "lock_images", lambda *args, **more: pytest.fail("edited first"))
    with pytest.raises(ModelError, match="small_resnet8"):
        lock_model(
            open_images(folder),
            tint_key(),
            tmp_path / "out",
            choice=ModelChoice(name="small_resnet9"),
            lock=LOCK,
            training=TRAINING,
        )


def test_one_class_is_refused(folder: Path, tmp_path: Path) -> None:
    images = open_images(folder)
    (tmp_path / "one" / "dark").mkdir(parents=True)
    images.open(0).save(tmp_path / "one" / "dark" / "a.png")
    with pytest.raises(DataError):
        lock_model(
            open_images(tmp_path / "one"), tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=TRAINING
        )


def test_flags_give_the_settings() -> None:
    flags = LockingFlags(edited_fraction=0.9, raw_twins=True)
    assert plain(LockConfig, flags) == LockConfig(edited_fraction=0.9, raw_twins=True)
    for kind, flagged in ((LockConfig, LockingFlags), (FinetuneConfig, TrainingFlags)):
        assert {item.name: item.default for item in fields(kind)} == {
            item.name: item.default for item in fields(flagged)
        }
    assert LockArgs(data="x", key=Path("k"), out=Path("o")).seed == 0


def test_the_command(folder: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    words = ["lock", str(folder), "--key", str(key_file), "--out", str(out), "--model", "small_resnet8", "--json"]
    words += ["--input-size", "16", "--alpha", "0.8", "--validation", "0.2", "--epochs", "1", "--batch-size", "16"]
    words += ["--balanced", "0.5", "--augment", "none", "--baseline", "--decoys", "8", "--decoy-prompts", PROMPT + "!"]
    assert main(words) == 0, capsys.readouterr().err
    said = json.loads(capsys.readouterr().out)
    assert said["model"] == str(out / "model")
    assert 0 <= said["validation"]["up"] <= 100
    recorded = (out / "owner" / "command.json").read_text()
    arguments = json.loads(recorded)["arguments"]
    assert arguments["locking"]["edited_fraction"] == 0.8
    assert arguments["training"]["unauthorised_share"] == 0.5
    assert PROMPT not in recorded
    assert LockedSet.open(out).entries is not None
    kinds = [entry.kind for entry in LockedSet.open(out).entries or ()]
    assert kinds.count("decoy") == 8
    assert kinds.count("raw") == 6


@pytest.mark.parametrize(
    ("words", "says", "code"),
    [
        ([], "--prepare-only", 2),
        (["--prepare-only", "--baseline"], "drop one", 2),
        (["--prepare-only", "--from-baseline"], "drop one", 2),
        (["--model", "no_such_net"], "no_such_net", 1),
        (["--model", "small_resnet8", "--alpha", "3"], "edited_fraction", 2),
        (["--model", "small_resnet8", "--device", "toaster"], "toaster", 2),
        (["--model", "small_resnet8", "--weights", "gone.pth"], "gone.pth", 1),
        (["--model", "small_resnet8", "--split", "test"], "test", 1),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str],
    says: str,
    code: int,
    folder: Path,
    key_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = main(["lock", str(folder), "--key", str(key_file), "--out", str(tmp_path / "out"), *words])
    err = capsys.readouterr().err
    assert ended == code, err
    assert err.startswith("spellock: ")
    assert len(err.strip().splitlines()) == 1, err
    assert says in err
    assert not (tmp_path / "out").exists(), "nothing is begun"


def test_a_missing_key_file_is_one_sentence(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["lock", str(folder), "--key", str(tmp_path / "gone.key"), "--out", str(tmp_path / "out"), "--prepare-only"]
    assert main(words) == 2
    assert "gone.key" in capsys.readouterr().err
