"""The examples run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from .tint_editor import tint_key

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_lock_a_folder_and_predict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    draws = np.random.default_rng(0)
    for name, level in (("dark", 60), ("light", 190)):
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(20):
            pixels = np.clip(level + draws.integers(-40, 40, (16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    out = tmp_path / "out"
    load("lock_a_folder").main(tmp_path / "images", out, key=tint_key(), epochs=1)
    assert "locked model in" in capsys.readouterr().out
    images = [tmp_path / "images" / "dark" / "0.png", tmp_path / "images" / "light" / "0.png"]
    load("predict").main(out / "model", out / "owner" / "my.key", images)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(str(path) in line and line.endswith("%") for path, line in zip(images, lines, strict=True))
