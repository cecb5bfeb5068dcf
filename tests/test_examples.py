"""The examples run."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from .shades import write_shades
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
    folder = write_shades(tmp_path / "images", 20)
    out = tmp_path / "out"
    load("lock_a_folder").main(folder, out, key=tint_key(), epochs=1)
    assert "locked model in" in capsys.readouterr().out
    images = [folder / "dark" / "0.png", folder / "light" / "0.png"]
    load("predict").main(out / "model", out / "owner" / "my.key", images)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert all(str(path) in line and line.endswith("%") for path, line in zip(images, lines, strict=True))
