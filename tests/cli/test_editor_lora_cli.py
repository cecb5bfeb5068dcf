"""`spellock editor lora`, and the key that is made with what it wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli import editor as editor_command
from spellock.cli.main import main
from spellock.editor_training import lora as lora_module
from spellock.editor_training.lora import LoraTrainingConfig
from spellock.keyfile import load_key

from ..editors import tiny


def test_a_lora_and_a_key_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("peft")
    weights = str(tiny.embedded_checkpoint(tmp_path / "weights"))
    (tmp_path / "pictures").mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(picture).save(tmp_path / "pictures" / "1.png")
    out = tmp_path / "own.safetensors"
    words = ["editor", "lora", "--data", str(tmp_path / "pictures"), "--out", str(out), "--weights", weights]
    assert main([*words, "--steps", "1", "--rank", "2", "--batch-size", "12", "--resolution", "32"]) == 0
    assert "as secret as a key" in capsys.readouterr().err
    key = tmp_path / "my.key"
    new = ["key", "new", str(key), "--plain", "--weights", weights, "--lora", str(out), "--resolution", "32"]
    assert main(new) == 0
    assert load_key(key).settings["lora"] == str(out)
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err


def test_interrupted_work_keeps_its_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[LoraTrainingConfig] = []

    def train(config: LoraTrainingConfig, data: Path, out: Path) -> None:
        from dataclasses import asdict

        from spellock.editor_training.work import begin_work

        begin_work(out, asdict(config))
        seen.append(config)

    monkeypatch.setattr(lora_module, "train_lora", train)
    first = editor_command.EditorLoraArgs(data=tmp_path, out=tmp_path / "a.safetensors")
    editor_command.run_lora(first)
    editor_command.run_lora(first)
    editor_command.run_lora(editor_command.EditorLoraArgs(data=tmp_path, out=tmp_path / "b.safetensors"))
    assert seen[0] == seen[1]
    assert len({config.secret for config in seen}) == 2
