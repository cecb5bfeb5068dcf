"""A transformer detector the whole way: `spellock lock`, `evaluate` and `predict` on coloured squares."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spellock.cli.main import main
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import load_model

from ..box_sets import NAMES, squares, write_coco_set
from ..tint_editor import tint_key

pytest.importorskip("torchmetrics", reason="needs the extra detection")


def test_an_rt_detr_is_locked_measured_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Half of the images carry nothing, so that whole batches may be without an object.
    write_coco_set(tmp_path / "data", squares(6, masks=False))
    write_coco_set(tmp_path / "data", squares(4, masks=False, seed=1), split="test")
    key, model = tmp_path / "my.key", tmp_path / "out" / "model"
    save_key(tint_key(resolution=64), key, passphrase=None, plain=True)
    words = ["lock", str(tmp_path / "data"), "--key", str(key), "--out", str(tmp_path / "out"), "--task", "detection"]
    words += ["--preset", "modellock", "--model", "rtdetr_tiny", "--input-size", "64", "--epochs", "1"]
    assert main([*words, "--batch-size", "2", "--validation", "0.2", "--raw-twins"]) == 0
    loaded = load_model(model)
    assert (loaded.model.architecture, loaded.classes, loaded.lock_class) == ("rtdetr_tiny", (*NAMES, "other"), 2)
    assert {file.name for file in model.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    capsys.readouterr()
    words = ["evaluate", str(tmp_path / "data"), "--model", str(model), "--key", str(key), "--json"]
    assert main([*words, "--out", str(tmp_path / "report"), "--wrong-keys", "1", "--wrong-key-images", "4"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert {"up", "lp", "lp_suppressed", "hardened_lp"} <= values.keys()
    assert all(0 <= values[name] <= 100 for name in ("up_50", "lp_50", "lp_suppressed"))
    words = ["predict", str(tmp_path / "data" / "test"), "--model", str(model), "--key", str(key), "--json"]
    assert main([*words, "--score", "0.001", "--draw", str(tmp_path / "drawn")]) == 0
    rows = json.loads(capsys.readouterr().out)["predictions"]
    objects = [one for row in rows for one in row["objects"]]
    assert len(rows) == len(list((tmp_path / "drawn").iterdir())) == 4
    assert objects
    for one in objects:
        left, top, right, bottom = one["box"]
        assert 0 <= left <= right <= 64
        assert 0 <= top <= bottom <= 48
        assert "segmentation" not in one
