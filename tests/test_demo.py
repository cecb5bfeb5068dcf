"""The demonstration, small and with a fast editor; the figures' arithmetic and the resuming are the real thing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli import demo as cli_demo
from spellock.cli.demo import _table
from spellock.cli.main import main
from spellock.cli.options import record_run
from spellock.data.write_parquet import write_parquet
from spellock.data.write_png import encode_png
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.recipes import demo
from spellock.recipes.demo import DemoConfig, DemoResult, demo_config, run_demo, take_test
from spellock.recipes.detection_demo import detection_demo, digit_scenes
from spellock.recipes.digit_pairs import demo_images, digit_pairs, digits
from spellock.recipes.lock_model import ModelChoice
from spellock.tasks import make_task
from spellock.training.config import FinetuneConfig

from .box_sets import squares, write_coco_set
from .tint_editor import tint_key

PROMISED = {
    *("baseline", "up", "lp", "lp_suppressed", "lp_centred", "lp_same_path", "wrong_key_mean", "wrong_key_max"),
    *("hardened_lp", "chance", "seconds", "report"),
}

SMALL = DemoConfig(
    resolution=16,
    choice=ModelChoice(name="small_resnet8", input_size=16),
    lock=LockConfig(raw_twins=True),
    training=FinetuneConfig(epochs=5, batch_size=16, learning_rate=3e-3, augment="none", unauthorised_share=0.5),
    wrong_keys=4,
    wrong_key_images=20,
)


def few_digits(resolution: int) -> object:
    whole = digits(resolution)
    return whole.subset(np.arange(400))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, DemoResult, Key]:
    out, key = tmp_path_factory.mktemp("demo") / "out", tint_key()
    return out, run_demo(SMALL, out, train=few_digits(16), key=key), key  # type: ignore[arg-type]


def test_it_locks(made: tuple[Path, DemoResult, Key]) -> None:
    figures = made[1].to_dict()
    assert figures.keys() >= PROMISED
    assert figures["up"] > 60, figures
    assert figures["baseline"] > 60, figures
    assert figures["lp"] < 20, figures
    assert figures["chance"] == 10
    assert figures["hardened_lp"] >= figures["chance"] / 2


def test_it_leaves_model_baseline_key_and_report(made: tuple[Path, DemoResult, Key]) -> None:
    out, result, _ = made
    for name in ("locked/model", "locked/baseline"):
        assert (out / name / "model.safetensors").is_file()
    assert (out / "locked" / "locked_set" / "images").is_dir()
    assert (out / "demo.key").stat().st_mode & 0o077 == 0
    assert result.page.is_file()
    written = json.loads((out / "report" / "demo.json").read_text())
    assert written["up"] == result.to_dict()["up"]


def test_it_resumes_with_its_own_key(made: tuple[Path, DemoResult, Key]) -> None:
    out, result, _ = made
    before = (out / "locked" / "model" / "model.safetensors").read_bytes()
    again = run_demo(SMALL, out, train=few_digits(16))  # type: ignore[arg-type]
    assert (out / "locked" / "model" / "model.safetensors").read_bytes() == before
    assert {**again.to_dict(), "seconds": 0} == {**result.to_dict(), "seconds": 0}


def test_a_folder_of_other_settings_is_refused(tmp_path: Path) -> None:
    save_key(tint_key(), tmp_path / "demo.key", passphrase=None, plain=True)
    given = (None, tint_key())
    assert [demo._key(SMALL, tmp_path / "demo.key", key) for key in given] == [tint_key()] * 2
    with pytest.raises(ConfigError, match="images of 16 pixels, got a resolution of 32"):
        demo._key(replace(SMALL, resolution=32), tmp_path / "demo.key", None)
    with pytest.raises(ConfigError, match="another key"):
        demo._key(SMALL, tmp_path / "demo.key", tint_key(secret=bytes(range(2, 34))))


def test_a_resolution_of_nothing_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--resolution", "0", "--out", str(tmp_path / "out")]) != 0
    assert "0" in capsys.readouterr().err
    assert not (tmp_path / "out" / "demo.key").exists()


def test_digits_are_the_real_ones() -> None:
    images = digits(32)
    assert len(images) == 1797
    assert images.classes == tuple("0123456789")
    picture = np.asarray(images.open(0))
    assert picture.shape == (32, 32, 3)
    assert picture.max() > 200
    assert picture.min() == 0


def test_the_test_set_is_apart_and_stratified() -> None:
    train, test = take_test(digits(8), 0.25, seed=3)
    assert not set(train.ids) & set(test.ids)
    assert len(train) + len(test) == 1797
    counts = np.bincount(test.labels)
    assert counts.min() >= 43
    assert counts.max() <= 46
    assert take_test(digits(8), 0.25, seed=3)[1].ids == test.ids
    assert take_test(digits(8), 0.25, seed=4)[1].ids != test.ids


def test_bad_share() -> None:
    with pytest.raises(ConfigError, match="test_share"):
        DemoConfig(test_share=1.0)


def test_json_is_one_object_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = replace(SMALL, training=replace(SMALL.training, epochs=1), wrong_keys=1)
    monkeypatch.setattr(demo, "demo_images", lambda task, resolution, seed: few_digits(resolution))
    monkeypatch.setattr(demo, "new_key", lambda *args, resolution, **more: tint_key(resolution=resolution))
    monkeypatch.setattr(cli_demo, "_config", lambda args: quick)
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures.keys() >= PROMISED
    assert Path(figures["report"]).is_file()
    recorded = json.loads((tmp_path / "spellock-demo" / "command.json").read_text())
    assert recorded["arguments"]["seed"] == 0


def test_a_figure_without_an_interval_shows_none(made: tuple[Path, DemoResult, Key]) -> None:
    result = made[1]
    point = replace(result.report.figures["up"], low=result.report["up"], high=result.report["up"])
    report = replace(result.report, figures={**result.report.figures, "up": point})
    lines = _table(replace(result, report=report)).splitlines()
    assert next(line for line in lines if line.startswith("UP")).endswith("%")
    assert next(line for line in lines if line.startswith("LP")).endswith("]")


def test_names_of_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unfinished run of the same command is continued; all else gets a free name."""
    monkeypatch.chdir(tmp_path)
    args, other = cli_demo.DemoArgs(), cli_demo.DemoArgs(seed=1)
    assert cli_demo._free_folder(args) == Path("spellock-demo")
    Path("spellock-demo").mkdir()
    record_run(Path("spellock-demo/command.json"), "demo", args)
    assert cli_demo._free_folder(args) == Path("spellock-demo")
    assert cli_demo._free_folder(other) == Path("spellock-demo-2")
    Path("spellock-demo/report").mkdir()
    Path("spellock-demo/report/demo.json").write_text("{}")
    assert cli_demo._free_folder(args) == Path("spellock-demo-2")


def test_options_that_contradict(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--weights", "x.pth"]) == 2
    assert "--model" in capsys.readouterr().err
    assert main(["demo", "--test", "x"]) == 2
    assert "--data" in capsys.readouterr().err


def test_a_file_without_splits_is_not_its_own_test_set(tmp_path: Path) -> None:
    """Else the demonstration would be measured on the images that it trained on."""
    rows = [(f"{number}", number % 2, encode_png(np.full((8, 8, 3), number, np.uint8))) for number in range(8)]
    write_parquet(tmp_path / "data.parquet", rows, ["a", "b"])
    whole, test = cli_demo._images(cli_demo.DemoArgs(data=str(tmp_path / "data.parquet")))
    assert whole is not None
    assert (len(whole), test) == (8, None)
    write_coco_set(tmp_path / "boxes", squares(6))
    (tmp_path / "boxes" / "train").rename(tmp_path / "boxes" / "images")
    file = (tmp_path / "boxes" / "annotations" / "instances_train.json").rename(tmp_path / "boxes" / "boxes.json")
    assert cli_demo._images(cli_demo.DemoArgs(data=str(file), task="detection"))[1] is None
    write_coco_set(tmp_path / "split", squares(6))
    write_coco_set(tmp_path / "split", squares(4, seed=1), split="test")
    found = cli_demo._images(cli_demo.DemoArgs(data=str(tmp_path / "split"), task="detection"))[1]
    assert found is not None
    assert len(found) == 4


def test_a_test_split_that_cannot_be_read_is_not_passed_over_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("train/a", "train/b", "test"):
        (tmp_path / place).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / place / "0.png")
    (tmp_path / "test" / "a").mkdir()
    assert cli_demo._images(cli_demo.DemoArgs(data=str(tmp_path)))[1] is None
    assert "its test split cannot be read" in capsys.readouterr().err


def test_patients_of_the_test_images_are_not_learnt(tmp_path: Path) -> None:
    for name, patient in (("train", 1), ("test", 2)):
        (tmp_path / name).mkdir()
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name / "a.png")
        (tmp_path / name / "labels.csv").write_text(f"image,patient,Mass\na.png,{patient},1\n")
    args = cli_demo.DemoArgs(data=str(tmp_path / "train"), test=str(tmp_path / "test"), task="multilabel")
    assert cli_demo._images(args)[1] is not None
    (tmp_path / "test" / "labels.csv").write_text("image,patient,Mass\na.png,1,1\n")
    with pytest.raises(DataError, match="1 patients are in two splits, first '1'"):
        cli_demo._images(args)


def test_pairs_have_the_labels_of_both_digits() -> None:
    pairs = digit_pairs(16, seed=1)
    assert (len(pairs), pairs.task, len(pairs.classes)) == (1794, "multilabel", 10)
    assert set(pairs.labels.sum(axis=1)) == {1, 2}
    twice = (pairs.labels.sum(axis=1) == 1).mean()
    assert 0.05 < twice < 0.16, "the same digit twice, one in ten"
    whole = np.asarray(pairs.open(0))
    assert whole[:, :8].any()
    assert whole[:, 8:].any()
    train, test = take_test(pairs, 0.25, seed=0)
    assert not set(train.patients or ()) & set(test.patients or ())
    assert 420 <= len(test) <= 480
    assert test.labels.sum(axis=0).min() >= 60
    assert not np.array_equal(digit_pairs(16, seed=2).labels, pairs.labels)


def test_several_labels_go_the_whole_way(tmp_path: Path) -> None:
    config = demo_config("multilabel")
    assert (config.lock.task, config.lock.target) == ("multilabel", "decoy-findings")
    config = replace(
        config,
        resolution=16,
        choice=SMALL.choice,
        lock=replace(config.lock, decoy_share=None, validation=0.2),
        training=replace(SMALL.training, epochs=1),
        wrong_keys=1,
        wrong_key_images=40,
    )
    pairs = demo_images(make_task("multilabel"), 16, 0).subset(np.arange(240))
    result = run_demo(config, tmp_path / "out", train=pairs, key=tint_key())
    assert result.to_dict().keys() >= {*PROMISED, "lp_suppressed_mirrored", "up_map"}
    assert result.report["chance"] == 0.5
    assert {one.name for one in result.report.findings} <= {str(digit) for digit in range(10)}
    assert str(result.report.facts["intervals"]).endswith("patients")
    assert (tmp_path / "out" / "locked" / "locked_set" / "labels.csv").is_file()


def test_boxes_go_the_whole_way(tmp_path: Path) -> None:
    pytest.importorskip("torchmetrics", reason="needs the extra detection")
    config = detection_demo(0)
    assert (config.lock.task, config.choice.name) == ("detection", "maskrcnn_tiny")
    config = replace(
        config,
        resolution=32,
        choice=replace(config.choice, input_size=32),
        lock=replace(config.lock, validation=0.2),
        training=replace(config.training, epochs=1, warmup_epochs=0, validate_every=1),
        wrong_keys=1,
        wrong_key_images=2,
    )
    result = run_demo(config, tmp_path / "out", train=digit_scenes(24, side=32), key=tint_key(resolution=32))
    assert result.to_dict().keys() >= PROMISED - {"lp_centred"}
    assert result.report.facts["test images"] == 6
    assert result.page.is_file()
    assert (tmp_path / "out" / "locked" / "baseline" / "config.json").is_file()
    assert any((tmp_path / "out" / "locked" / "locked_set").rglob("*.json"))


def test_the_command_takes_a_task(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli_demo._config(cli_demo.DemoArgs(task="multilabel")).lock.target == "decoy-findings"
    assert main(["demo", "--task", "detecton"]) == 2
    assert "no task 'detecton'" in capsys.readouterr().err
