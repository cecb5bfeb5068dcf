"""From a table of labels to a locked multi-label model, its report and its predictions, by the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.data import open_labels
from spellock.data.label_vectors import numpy_vectors
from spellock.errors import ConfigError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.locked_set import LockedSet
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.presets import get_preset
from spellock.recipes.selection import LockScore
from spellock.tasks import MultiLabelTask, create_model, load_model, make_task
from spellock.training.config import FinetuneConfig

from ..data.label_samples import write_chestxray14
from ..test_release_secrets import leaks, needles
from ..tint_editor import tint_key

CHOICE = ModelChoice(name="small_resnet8", input_size=16)
TRAINING = FinetuneConfig(epochs=2, batch_size=16, augment="none", unauthorised_share=0.5)
LOCK = LockConfig(task="multilabel", target="extra-label", raw_twins=True, validation=0.25)


def write_halves(root: Path, count: int) -> Path:
    """Images whose left half is bright for ``left`` and whose right half is for ``right``, a table with splits."""
    draws = np.random.default_rng(0)
    lines = ["image,patient,split,left,right"]
    (root / "images").mkdir(parents=True)
    for number in range(count):
        split, row = ("train", "test")[number >= count * 2 // 3], draws.integers(0, 2, 2)
        pixels = draws.integers(20, 60, (18, 16, 3))
        pixels[:, :8] += 120 * row[0]
        pixels[:, 8:] += 120 * row[1]
        Image.fromarray(pixels.astype(np.uint8)).save(root / "images" / f"{number}.png")
        lines.append(f"{number}.png,p{number // 2},{split},{row[0]},{row[1]}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root / "labels.csv"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_halves(tmp_path_factory.mktemp("table"), 96)


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "test.key"
    save_key(tint_key(), path, passphrase=None, plain=True)
    return path


@pytest.fixture(scope="module")
def out(table: Path, key_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("locked") / "out"
    words = ["lock", str(table), "--task", "multilabel", "--key", str(key_file), "--out", str(path), "--baseline"]
    words += ["--model", "small_resnet8", "--input-size", "16", "--validation", "0.25", "--epochs", "4", "--json"]
    words += ["--batch-size", "16", "--augment", "none", "--decoy-share", "0", "--loss", "asymmetric"]
    assert main([*words, "--positive-weights", "balanced"]) == 0
    return path


def test_the_artefacts(out: Path) -> None:
    locked = LockedSet.open(out)
    assert locked.classes == ("left", "right", "other")
    assert sorted(path.name for path in (out / "locked_set").iterdir()) == ["images", "labels.csv"]
    config = json.loads((out / "model" / "config.json").read_text())
    assert (config["task"], config["lock_class"], config["classes"]) == ("multilabel", 2, ["left", "right", "other"])
    assert load_model(out / "baseline").classes == ("left", "right")
    assert isinstance(load_model(out / "baseline").task, MultiLabelTask)
    recorded = json.loads((out / "owner" / "command.json").read_text())["arguments"]
    assert (recorded["task"], recorded["loss"], recorded["locking"]["target"]) == (
        "multilabel",
        "asymmetric",
        "decoy-findings",
    )
    held, trained = (set(ids) for ids in _patients(out))
    assert held
    assert not held & trained


def test_nothing_of_the_key_is_released(out: Path) -> None:
    files = [path for name in ("locked_set", "model", "baseline") for path in (out / name).rglob("*") if path.is_file()]
    assert len(files) > 60
    assert not leaks(files, needles(tint_key()))


def _patients(out: Path) -> tuple[list[str], list[str]]:
    source = {entry.source: entry for entry in LockedSet.open(out).entries or ()}
    trained = {f"p{int(Path(name).stem) // 2}" for name in source}
    everyone = {f"p{number // 2}" for number in range(64)}
    return sorted(everyone - trained), sorted(trained)


def test_evaluate_and_predict(
    table: Path, key_file: Path, out: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", str(table), "--model", str(out / "model"), "--key", str(key_file)]
    assert main([*words, "--out", str(tmp_path / "report"), "--wrong-keys", "4", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["measure"] == "macro AUROC"
    assert figures["facts"]["test images"] == 32
    assert {"baseline", "up", "lp", "lp_mirrored", "lp_permuted_bn_mirrored", "hardened_lp", "up_map"} <= figures.keys()
    assert figures["baseline"] > 70
    assert figures["up"] > 70
    assert main(["predict", str(table.parent / "images" / "0.png"), "--model", str(out / "model"), "--key",
                 str(key_file)]) == 0  # fmt: skip
    cells = capsys.readouterr().out.strip().split("\t")
    assert set(cells[1::2]) == {"left", "right", "other"}
    chances = [float(cell) for cell in cells[2::2]]
    assert chances == sorted(chances, reverse=True)
    assert main(["predict", str(table.parent / "images" / "0.png"), "--model", str(out / "model"), "--key",
                 str(key_file), "--top", "1"]) == 0  # fmt: skip
    assert capsys.readouterr().out.strip().split("\t") == cells[:3]


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (["--label-smoothing", "0.1"], "MultiLabelLoss has no such setting"),
        (["--objective", "fmlock"], "needs one class an image, and MultiLabelLoss learns several"),
    ],
)
def test_what_is_for_one_class_an_image_is_refused_before_anything_is_edited(
    setting: list[str], says: str, table: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["lock", str(table), "--task", "multilabel", "--key", str(key_file), "--out", str(tmp_path / "out")]
    assert main([*words, "--model", "small_resnet8", *setting]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_held_out_images_that_judge_nothing_cost_the_choice_and_not_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    draws, findings = np.random.default_rng(0), np.arange(16)[:, None] // [1, 2] % 2
    pixels = draws.integers(0, 256, (16, 16, 16, 3), dtype=np.uint8)
    images, config = numpy_vectors(pixels, findings, ["left", "right"]), replace(LOCK, validation=0.06)
    made = lock_model(
        images, tint_key(), tmp_path / "out", choice=CHOICE, lock=config, training=TRAINING, baseline=True
    )
    held = LockedSet.open(tmp_path / "out").validation()
    assert held is not None
    assert len(held[0]) == 1
    assert made.validation == {}
    assert "the 1 held-out images have no label that a checkpoint could be chosen by" in caplog.text
    for name in ("training", "baseline_training"):
        result = json.loads((tmp_path / "out" / "owner" / name / "result.json").read_text())
        assert result["rule"] == "the last epoch"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--target", "new-class"], "does not exist for the task multilabel, expected complement or decoy-findings or"),
        (["--tier-share", "0.5", "--loss", "hinge"], "--loss"),
        (["--clip", "2"], "a clip in"),
    ],
)
def test_mistakes_are_one_sentence(
    words: list[str], says: str, table: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["lock", str(table), "--task", "multilabel", "--key", str(key_file), "--out", str(tmp_path / "out")]
    assert main([*base, "--model", "small_resnet8", *words]) != 0
    err = capsys.readouterr().err
    assert says in err
    assert len(err.strip().splitlines()) == 1


def test_options_of_another_task_are_refused(
    table: Path, key_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["lock", "photos", "--key", str(key_file), "--out", str(tmp_path / "out"), "--model", "small_resnet8"]
    assert main([*base, "--gamma-neg", "2"]) == 2
    assert "the task 'classification' has no option 'gamma_neg'" in capsys.readouterr().err
    assert main([*base, "--task", "multilabel", "--clip", "0.1"]) == 2
    assert "--clip is for --loss asymmetric" in capsys.readouterr().err
    assert main([*base, "--task", "multilable"]) == 2
    assert "did you mean multilabel" in capsys.readouterr().err


def test_python_resumes_to_the_same_bytes(table: Path, tmp_path: Path) -> None:
    images = open_labels(table)
    made = lock_model(images, tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=TRAINING)
    assert {"up", "lp", "hardened_lp", "score"} <= made.validation.keys()
    before = (tmp_path / "out" / "model" / "model.safetensors").read_bytes()
    lock_model(images, tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=TRAINING)
    assert (tmp_path / "out" / "model" / "model.safetensors").read_bytes() == before
    with pytest.raises(ConfigError, match="task differ"):
        lock_model(
            images,
            tint_key(),
            tmp_path / "out",
            choice=CHOICE,
            lock=LOCK,
            training=TRAINING,
            task=MultiLabelTask(loss="asymmetric"),
        )
    with pytest.raises(ConfigError, match="expected one of both"):
        lock_model(
            images, tint_key(), tmp_path / "b", choice=CHOICE, lock=LOCK, training=TRAINING,
            task=make_task("classification"),
        )  # fmt: skip


def test_the_layout_of_chestxray14_can_be_locked(tmp_path: Path, key_file: Path) -> None:
    table = write_chestxray14(tmp_path / "CXR8")
    words = ["lock", str(table), "--task", "multilabel", "--key", str(key_file), "--out", str(tmp_path / "out")]
    assert main([*words, "--prepare-only", "--validation", "0", "--decoy-share", "0"]) == 0
    locked = LockedSet.open(tmp_path / "out")
    assert len(locked) == 5, "of the three images of train_val_list.txt one raw, two in both versions"
    assert "Pleural_Thickening" in locked.classes


def test_presets_know_the_task() -> None:
    for name, target in (("hardened", "decoy-findings"), ("modellock", "extra-label"), ("fmlock", "extra-label")):
        preset, usual = get_preset(name, task="multilabel"), get_preset(name)
        assert (preset.lock.task, preset.lock.target) == ("multilabel", target)
        assert replace(preset.lock, task=usual.lock.task, target=usual.lock.target) == usual.lock, "all the rest"
        assert preset.training == usual.training
        assert preset.objective.objective == {"hardened": "teacher"}.get(name), "fmlock's is for one class an image"
    assert get_preset("hardened").lock.target == "decoy-task"
    assert get_preset("hardened", task="multilabel").training.alone_share == 0.5


def test_few_held_out_images_are_scored_by_themselves() -> None:
    model = create_model("small_resnet8", num_classes=2, input_size=8).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    score = LockScore(
        raw=pixels, edited=pixels, labels=np.array([[1, 0], [0, 1], [0, 0]]), lock_class=None, task=MultiLabelTask()
    )
    found = score(model)
    assert found["up"] == found["hardened_lp"]


def test_the_preset_has_a_teacher_and_it_changes_the_model(table: Path, key_file: Path, tmp_path: Path) -> None:
    words = ["lock", str(table), "--task", "multilabel", "--key", str(key_file), "--model", "small_resnet8"]
    words += ["--input-size", "16", "--validation", "0", "--epochs", "1", "--batch-size", "16", "--augment", "none"]
    words += ["--decoy-share", "0"]
    for name, more in (("taught", []), ("alone", ["--objective", "None"])):
        assert main([*words, "--out", str(tmp_path / name), *more]) == 0
    assert load_model(tmp_path / "taught" / "baseline").classes == ("left", "right")
    assert not (tmp_path / "alone" / "baseline").exists()
    files = [tmp_path / name / "model" / "model.safetensors" for name in ("taught", "alone")]
    assert files[0].read_bytes() != files[1].read_bytes()
