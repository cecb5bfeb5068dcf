"""Weight keys of models with several findings an image, and of detectors: locked, adapted, used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.data.label_vectors import numpy_vectors
from spellock.errors import ConfigError, DataError, ModelError
from spellock.recipes.adapt import adapt
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.unlocking.unlocked_detector import UnlockedDetector
from spellock.weightlocks.encrypted_model import encrypt_model
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.model_files import lock_files
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.weight_keyfile import open_weight_key, save_weight_key

from ..box_sets import NAMES, squares, write_coco_set

SIDE = 64
LOCK = WeightLockConfig(select=SelectConfig(fraction=0.3))


@pytest.fixture
def findings(tmp_path: Path) -> Path:
    """A keyed model of two findings in ``keyed``, its key, and a table of images whose halves are bright or not."""
    model = create_model("small_resnet8", num_classes=2, input_size=16, seed=0)
    save_model(model, tmp_path / "model", classes=("left", "right"), lock_class=None, task="multilabel")
    save_weight_key(
        lock_files(tmp_path / "model", tmp_path / "keyed", LOCK), tmp_path / "w.key", passphrase=None, plain=True
    )
    draws = np.random.default_rng(0)
    lines = ["image,left,right"]
    (tmp_path / "images").mkdir()
    for number in range(64):
        row = draws.integers(0, 2, 2)
        pixels = draws.integers(20, 60, (16, 16, 3))
        pixels[:, :8] += 120 * row[0]
        pixels[:, 8:] += 120 * row[1]
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "images" / f"{number}.png")
        lines.append(f"{number}.png,{row[0]},{row[1]}")
    (tmp_path / "labels.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


@pytest.fixture
def boxes(tmp_path: Path) -> Path:
    """A keyed detector in ``keyed``, its key, and coloured squares in ``data``."""
    pytest.importorskip("torchmetrics", reason="needs the extra detection")
    model = create_model("maskrcnn_tiny", num_classes=2, input_size=SIDE, seed=0)
    save_model(model, tmp_path / "model", classes=NAMES, lock_class=None, task="detection")
    save_weight_key(
        lock_files(tmp_path / "model", tmp_path / "keyed", LOCK), tmp_path / "w.key", passphrase=None, plain=True
    )
    write_coco_set(tmp_path / "data", squares(16))
    return tmp_path


def words(root: Path, data: Path, *more: str) -> list[str]:
    found = ["weights", "adapt", str(root / "keyed"), str(data), "--key", str(root / "w.key"), "--plain", "--json"]
    return [*found, "--new-key", str(root / "new.key"), "--out", str(root / "run"), "--augment", "none", *more]


def test_findings_are_learnt_inside_the_key(findings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (findings / "keyed" / "model.safetensors").read_bytes()
    more = ["--epochs", "10", "--batch-size", "8", "--learning-rate", "0.02", "--validation", "0.25"]
    assert main(words(findings, findings / "labels.csv", *more)) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["measure"]) == (2, "macro AUROC")
    assert said["validation_score"] > 0.9
    assert (findings / "keyed" / "model.safetensors").read_bytes() == before
    assert main(["predict", str(findings / "images" / "0.png"), "--model", str(findings / "keyed"), "--json",
                 "--key", str(findings / "new.key")]) == 0  # fmt: skip
    assert set(json.loads(capsys.readouterr().out)["predictions"][0]["probabilities"]) == {"left", "right"}


def test_findings_that_the_model_has_not_are_named(findings: Path) -> None:
    images = numpy_vectors(
        np.zeros((8, 16, 16, 3), np.uint8), np.eye(2, dtype=np.int64)[np.arange(8) % 2], ["left", "new"], name="some"
    )
    key, training = open_weight_key(findings / "w.key"), FinetuneConfig(epochs=1)
    with pytest.raises(DataError, match="has the class 'new', which the model has not"):
        adapt(findings / "keyed", key, images, findings / "run", training)


def test_boxes_are_learnt_inside_the_key(boxes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (boxes / "keyed" / "model.safetensors").read_bytes()
    assert main(words(boxes, boxes / "data", "--epochs", "1", "--validation", "0.25")) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["version"], said["measure"]) == (2, "AP of boxes")
    assert 0 <= said["validation_score"] <= 1
    assert (boxes / "keyed" / "model.safetensors").read_bytes() == before
    assert json.loads((boxes / "run" / "config.json").read_text())["batch_size"] == 8, "the detectors' own"
    old, new = open_weight_key(boxes / "w.key"), open_weight_key(boxes / "new.key")
    assert any(not torch.equal(old.values[name], new.values[name]) for name in old.places)
    picture = str(next((boxes / "data").rglob("*.png")))
    assert main(["predict", picture, "--model", str(boxes / "keyed"), "--key", str(boxes / "new.key"), "--score", "0",
                 "--draw", str(boxes / "drawn")]) == 0  # fmt: skip
    assert all(len(line.split("\t")) == 7 for line in capsys.readouterr().out.splitlines())
    assert len(list((boxes / "drawn").iterdir())) == 1


def test_a_detector_needs_its_weight_key(boxes: Path) -> None:
    pictures = [squares(4).open(number) for number in range(4)]
    whole = load_model(boxes / "model")
    wanted = [one.found.boxes for one in UnlockedDetector(whole.model, NAMES, None).predict(pictures)]
    opened = UnlockedDetector.from_pretrained(boxes / "keyed", key=boxes / "w.key")
    found = [one.found.boxes for one in opened.predict(pictures)]
    assert all(np.allclose(one, other, atol=0.5) for one, other in zip(found, wanted, strict=True) if len(one))
    other = lock_module(load_model(boxes / "model").model.network, LOCK)
    with pytest.raises(ModelError, match="is not the keyed model of this key"):
        UnlockedDetector.from_pretrained(boxes / "keyed", key=other)
    with pytest.raises(ConfigError, match="got no key"):
        UnlockedDetector.from_pretrained(boxes / "keyed", key=None)


def test_an_encrypted_detector_is_used_without_plain_weights(boxes: Path) -> None:
    pictures = [squares(2).open(number) for number in range(2)]
    key = FileKey.new()
    encrypt_model(boxes / "model", boxes / "model.enc", key)
    plain = UnlockedDetector(load_model(boxes / "model").model, NAMES, None).predict(pictures)
    found = UnlockedDetector.from_pretrained(boxes / "model.enc", key=None, decrypt=key).predict(pictures)
    assert [one.found.boxes.tolist() for one in found] == [one.found.boxes.tolist() for one in plain]
