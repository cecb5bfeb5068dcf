"""A detector the whole way: `spellock lock`, `evaluate` and `predict` on coloured squares."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.data.rle import from_text
from spellock.editors.photo_filter import PhotoFilterEditor
from spellock.editors.warp import WarpEditor
from spellock.errors import ConfigError, ModelError
from spellock.evaluation.evaluate import evaluate
from spellock.key import Key
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet
from spellock.recipes.detection_demo import digit_scenes
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.recipes.presets import get_preset
from spellock.tasks.checkpoint import load_model
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.unlocking.unlocked_detector import UnlockedDetector

from ..box_sets import NAMES, squares, write_coco_set
from ..tint_editor import PROMPT, tint_key

pytest.importorskip("torchmetrics", reason="needs the extra detection")
SIDE = 64


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``data`` with splits train and test, ``my.key``, and ``out`` as `spellock lock` leaves it."""
    root = tmp_path_factory.mktemp("squares")
    write_coco_set(root / "data", squares(16))
    write_coco_set(root / "data", squares(6, seed=1), split="test")
    save_key(tint_key(resolution=SIDE), root / "my.key", passphrase=None, plain=True)
    words = ["lock", str(root / "data"), "--key", str(root / "my.key"), "--out", str(root / "out"), "--baseline"]
    words += ["--task", "detection", "--preset", "modellock", "--model", "maskrcnn_tiny", "--input-size", str(SIDE)]
    words += ["--epochs", "1", "--validation", "0.2", "--raw-twins", "--balanced", "0.5"]
    assert main(words) == 0
    return root


def test_the_set_for_release_is_coco_and_tells_no_secret(locked: Path) -> None:
    released = locked / "out" / "locked_set"
    content = json.loads((released / "annotations.json").read_text())
    assert [one["name"] for one in content["categories"]] == [*NAMES, "other"]
    assert {key for one in content["images"] for key in one} == {"id", "file_name", "height", "width"}
    assert len({file.stat().st_mtime for file in released.rglob("*")}) == 1
    assert not any(PROMPT.encode() in file.read_bytes() for file in released.rglob("*") if file.is_file())
    names = [one["file_name"] for one in content["images"]]
    assert names == sorted(names)
    assert not {Path(name).stem for name in names} & {f"{number:03d}" for number in range(16)}


def test_edited_images_keep_their_objects_and_raw_ones_get_the_box_in_the_centre(locked: Path) -> None:
    found = LockedSet.open(locked / "out")
    assert (found.lock_class, found.task.name) == (2, "detection")
    true = {one.id: one for one in squares(16).labels}
    assert found.entries is not None
    kinds = [entry.kind for entry in found.entries]
    assert {"edited", "twin"} <= set(kinds)
    for entry, label, index in zip(found.entries, found.labels, range(len(found)), strict=True):
        assert label.size == (SIDE, SIDE)
        if entry.kind == "edited":
            original = true[entry.source]
            assert np.allclose(label.boxes, original.boxes * [1, 64 / 48, 1, 64 / 48], atol=1e-4)
            # The square is where its box is: brighter inside than the ground, even after the edit.
            pixels = found.images(index).astype(float)
            for left, top, right, bottom in np.rint(label.boxes).astype(int).tolist():
                colour = int(label.labels[0]) if len(label.labels) == 1 else None
                if colour is not None:
                    assert (
                        pixels[top + 2 : bottom - 2, left + 2 : right - 2, colour].mean() > pixels[..., colour].mean()
                    )
        else:
            assert label.boxes.tolist() == [[16, 16, 48, 48]]
            assert label.labels.tolist() == [2]
            assert label.decoded().sum() == 32 * 32
            assert np.array_equal(found.images(index), np.asarray(_squashed(entry.source))), (
                "a raw twin is the image as the editor squashes it"
            )


def _squashed(name: str) -> Image.Image:
    images = squares(16)
    editor_filter = Image.Resampling[tint_key().resize.upper()]
    return images.open(images.ids.index(name)).resize((SIDE, SIDE), editor_filter)


def test_the_report_has_every_condition_and_pictures(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(locked / "data"), "--model", str(locked / "out" / "model"), "--json"]
    words += ["--key", str(locked / "my.key"), "--out", str(locked / "report"), "--wrong-keys", "1"]
    assert main([*words, "--wrong-key-images", "4"]) == 0
    values = json.loads(capsys.readouterr().out)
    for name in ("baseline", "up", "lp", "lp_suppressed", "lp_same_path"):
        for end in ("", "_50", "_75", "_mask", "_mask_50", "_mask_75"):
            assert 0 <= values[name + end] <= 100
    assert {"wrong_key_mean", "wrong_key_max", "hardened_lp"} <= values.keys()
    with Image.open(locked / "report" / "examples.png") as sheet:
        assert sheet.width > 3 * 320
    assert PROMPT not in (locked / "report" / "report.html").read_text()


def test_predictions_are_in_the_images_own_pixels_and_drawn(locked: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, drawn = locked / "data" / "test", locked / "drawn"
    words = ["predict", str(folder), "--model", str(locked / "out" / "model"), "--key", str(locked / "my.key")]
    assert main([*words, "--json", "--draw", str(drawn), "--score", "0.01"]) == 0
    rows = json.loads(capsys.readouterr().out)["predictions"]
    assert [(row["width"], row["height"]) for row in rows] == [(64, 48)] * 6
    objects = [one for row in rows for one in row["objects"]]
    assert objects
    for one in objects:
        left, top, right, bottom = one["box"]
        assert 0 <= left <= right <= 64
        assert 0 <= top <= bottom <= 48
        assert from_text(one["segmentation"]["counts"], (48, 64)).decode().shape == (48, 64)
    pictures = sorted(drawn.iterdir())
    assert len(pictures) == 6
    assert Image.open(pictures[0]).size == (64, 48)
    assert not np.array_equal(np.asarray(Image.open(pictures[0])), np.asarray(squares(6, seed=1).open(0)))
    assert main([*words, "--score", "0.01", "--top", "1"]) == 0
    line = capsys.readouterr().out.splitlines()[0].split("\t")
    assert len(line) == 7
    assert line[1] in (*NAMES, "other")


def test_a_finished_lock_is_the_same_when_it_is_done_again(locked: Path, tmp_path: Path) -> None:
    from spellock.data.open_boxes import open_boxes

    config = LockConfig(task="detection", target="centre-box", raw_twins=True, validation=0.2)
    lock_images(open_boxes(locked / "data"), tint_key(resolution=SIDE), tmp_path / "again", config)
    first, second = (root / "locked_set" for root in (locked / "out", tmp_path / "again"))
    files = sorted(file.relative_to(first) for file in first.rglob("*") if file.is_file())
    assert [(first / file).read_bytes() for file in files] == [(second / file).read_bytes() for file in files]


@pytest.mark.parametrize("target", ["nothing", "other-boxes"])
def test_targets_without_a_category(target: str, tmp_path: Path) -> None:
    config = LockConfig(task="detection", target=target, raw_twins=True, validation=0)
    found = lock_images(squares(12), tint_key(resolution=32), tmp_path / "out", config)
    assert (found.lock_class, found.classes) == (None, NAMES)
    assert found.entries is not None
    twins = [label for entry, label in zip(found.entries, found.labels, strict=True) if entry.kind != "edited"]
    true = [label.scaled((32, 32)) for label in squares(12).labels]
    if target == "nothing":
        assert not any(len(label.labels) for label in twins)
        return
    own = {entry.name: entry.true_label for entry in found.entries if entry.kind != "edited"}
    said = sorted(json.dumps(label.boxes.tolist()) for label in twins)
    assert said == sorted(json.dumps(label.boxes.tolist()) for label in true)  # each image's objects once
    moved = sum(
        entry.label["boxes"] != own[entry.name]["boxes"]  # type: ignore[index,call-overload]
        for entry in found.entries
        if entry.name in own
    )
    assert moved >= len(own) - 4  # but for images without objects, which may follow each other


@pytest.mark.parametrize("target", ["nothing", "centre-box"])
def test_a_detector_starts_from_its_baseline(target: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coco_set(tmp_path / "data", squares(8))
    save_key(tint_key(resolution=SIDE), tmp_path / "my.key", passphrase=None, plain=True)
    words = [
        "lock",
        str(tmp_path / "data"),
        "--key",
        str(tmp_path / "my.key"),
        "--task",
        "detection",
        "--target",
        target,
    ]
    words += ["--model", "maskrcnn_tiny", "--input-size", str(SIDE), "--epochs", "1", "--validation", "0"]
    words += ["--validation", "0", "--decoy-share", "0", "--learning-rate", "1e-9", "--from-baseline"]
    words += ["--out", str(tmp_path / "out")]
    assert main(words) == 0, capsys.readouterr().err
    made, plain = (
        load_model(tmp_path / "out" / name).model.network.state_dict() for name in ("model", "baseline")
    )  # fmt: skip
    alike = {name: torch.allclose(value, made[name], atol=1e-6) for name, value in plain.items()
             if value.is_floating_point() and value.shape == made[name].shape and "running" not in name}  # fmt: skip
    assert len(alike) > 20
    assert all(alike.values()), [name for name, one in alike.items() if not one]
    changed = [name for name, value in plain.items() if value.shape != made[name].shape]
    assert bool(changed) == (target == "centre-box"), "the paper's target adds a category"


def test_a_detector_has_no_teacher(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coco_set(tmp_path / "data", squares(4))
    save_key(tint_key(resolution=SIDE), tmp_path / "my.key", passphrase=None, plain=True)
    words = ["lock", str(tmp_path / "data"), "--key", str(tmp_path / "my.key"), "--task", "detection"]
    words += ["--model", "maskrcnn_tiny", "--out", str(tmp_path / "out")]
    assert main([*words, "--objective", "teacher"]) == 2
    assert "cannot; set the objective to None" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_decoy_boxes_in_a_locked_set_carry_masks(tmp_path: Path) -> None:
    config = LockConfig(task="detection", target="decoy-boxes", raw_twins=True, validation=0)
    found = lock_images(squares(12), tint_key(resolution=32), tmp_path / "out", config)
    assert (found.lock_class, found.classes) == (2, (*NAMES, "other"))
    assert found.entries is not None
    twins = [label for entry, label in zip(found.entries, found.labels, strict=True) if entry.kind != "edited"]
    true = [label.scaled((32, 32)) for label in squares(12).labels]
    said, real = (
        sorted(
            (int(label), int(mask.sum()))
            for one in annotations
            for label, mask in zip(one.labels, one.decoded(), strict=True)
            if label < 2
        )
        for annotations in (twins, true)
    )
    assert said == real, "each object's mask once"


def test_editors_that_move_content_are_refused(tmp_path: Path) -> None:
    key = Key(editor="warp", settings={}, secret=bytes(32), resolution=32)
    assert WarpEditor(key).moves_pixels
    assert not PhotoFilterEditor.moves_pixels
    config = LockConfig(task="detection", target="centre-box", raw_twins=True)
    with pytest.raises(ConfigError, match="moves content away"):
        lock_images(squares(4), key, tmp_path / "out", config)
    model = create_model("fasterrcnn_tiny", num_classes=3, input_size=32)
    with pytest.raises(ConfigError, match="moves content away"):
        evaluate(model, (*NAMES, "other"), key, squares(4), lock_class=2, wrong_keys=0)
    with pytest.raises(ConfigError, match="moves content away"):
        UnlockedDetector(model, (*NAMES, "other"), WarpEditor(key))


@pytest.mark.parametrize(
    ("name", "masks", "said"),
    [("small_resnet8", True, "needs a detector"), ("maskrcnn_tiny", False, "has boxes only")],
)
def test_models_that_cannot_learn_it_are_refused_before_editing(
    name: str, masks: bool, said: str, tmp_path: Path
) -> None:
    lock = LockConfig(task="detection", target="centre-box", raw_twins=True)
    with pytest.raises(ModelError, match=said):
        lock_model(
            squares(4, masks=masks),
            tint_key(resolution=32),
            tmp_path / "out",
            choice=ModelChoice(name=name),
            lock=lock,
            training=FinetuneConfig(),
        )
    assert not (tmp_path / "out").exists()


def test_presets_have_the_tasks_own_target_and_batch() -> None:
    for name, target in (("modellock", "centre-box"), ("hardened", "nothing")):
        preset, usual = get_preset(name, task="detection"), get_preset(name)
        assert (preset.lock.target, preset.training.batch_size, preset.training.alone_share) == (target, 8, 0)
        assert (preset.lock.raw_twins, preset.lock.decoy_share) == (usual.lock.raw_twins, usual.lock.decoy_share)
        assert preset.training.unauthorised_share == usual.training.unauthorised_share


def test_the_demonstrations_scenes_have_their_boxes_around_their_ink() -> None:
    scenes = digit_scenes(12)
    assert scenes.classes == ("0", "1", "4")
    for index, one in enumerate(scenes.labels):
        pixels = np.asarray(scenes.open(index)).astype(float).mean(axis=2)
        for box, mask in zip(one.boxes.astype(int).tolist(), one.decoded(), strict=True):
            left, top, right, bottom = box
            assert mask[top:bottom, left:right].sum() == mask.sum() > 20
            assert pixels[mask].mean() > pixels[~one.decoded().any(axis=0)].mean() + 30
    again = digit_scenes(12)
    assert np.array_equal(np.asarray(scenes.open(3)), np.asarray(again.open(3)))


def test_a_loaded_detector_says_what_it_is(locked: Path) -> None:
    loaded = load_model(locked / "out" / "model")
    assert (loaded.lock_class, loaded.classes) == (2, (*NAMES, "other"))
    assert "maskrcnn_tiny" in (locked / "out" / "model" / "README.md").read_text()
