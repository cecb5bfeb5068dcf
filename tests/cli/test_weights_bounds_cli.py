"""`spellock weights bounds` on a tiny keyed model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.cli.main import main
from spellock.cli.weights_bounds import plain_json
from spellock.pixels import from_uint8
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    model = create_model("small_resnet8", num_classes=3, input_size=16, seed=0)
    save_model(model, tmp_path / "model", classes=("a", "b", "c"), lock_class=None)
    (tmp_path / "images").mkdir()
    for number, pixels in enumerate(np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{number}.png")
    assert main(["weights", "lock", "model", "keyed", "--key", "w.key", "--plain", "--coding", "exact"]) == 0
    return tmp_path


def test_bounds_stand_beside_what_is_measured(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    words = ["weights", "bounds", "keyed", "images", "--key", "w.key"]
    assert main([*words, "--json", "--limit", "2"]) == 0
    found = json.loads(capsys.readouterr().out)
    pixels = [np.asarray(Image.open(work / "images" / f"{number}.png")) for number in range(2)]
    images = from_uint8(torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).contiguous())
    with torch.no_grad():
        one, two = (load_model(work / name).model(images) for name in ("model", "keyed"))
    assert found["measured"] == pytest.approx((one - two).norm(dim=1).tolist(), rel=1e-3)
    assert all(here >= got for here, got in zip(found["bound_here"], found["measured"], strict=True))
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "upper bound for these inputs" in said
    assert "What it does not prove" in said
    assert main([*words, "--against", "model", "--json"]) == 0
    assert max(json.loads(capsys.readouterr().out)["measured"]) == 0, "unlocked is the model itself"


def test_what_cannot_be_bounded(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "empty").mkdir()
    save_model(create_model("resnet20", num_classes=3), work / "other", classes=("a", "b", "c"), lock_class=None)
    for words, sentence in (
        (["keyed", "empty", "--key", "w.key"], "holds no images"),
        (["model", "images", "--key", "w.key"], "is not the keyed model of this key"),
        (["keyed", "images", "--key", "w.key", "--against", "other"], "do not fit"),
        (["keyed", "images", "--key", "w.key", "--limit", "0"], "--limit 0"),
    ):
        capsys.readouterr()
        assert main(["weights", "bounds", *words]) in (1, 2)
        assert sentence in capsys.readouterr().err


def test_infinite_bounds_are_null_in_json() -> None:
    assert plain_json({"bound": (1.0, float("inf")), "layers": [{"added": float("nan"), "name": "a"}]}) == {
        "bound": [1.0, None],
        "layers": [{"added": None, "name": "a"}],
    }
