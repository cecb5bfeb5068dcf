"""A model to lock, pictures to ask it about and a passphrase; and the commands that most tests begin with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

CLASSES = ("a", "b", "c")


def weights_folder(folder: Path) -> Path:
    """``folder`` with ``model``, ``images`` and the passphrase in ``words``."""
    model = create_model("small_resnet8", num_classes=3, input_size=16, seed=0)
    save_model(model, folder / "model", classes=CLASSES, lock_class=None)
    (folder / "images").mkdir()
    generator = np.random.default_rng(0)
    for number in range(4):
        pixels = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "images" / f"{number}.png")
    (folder / "words").write_text("a long passphrase\n")
    (folder / "words").chmod(0o600)
    return folder


def lock(*more: str) -> int:
    return main(["weights", "lock", "model", "keyed", "--key", "w.key", "--passphrase-file", "words", *more])


def predictions(capsys: pytest.CaptureFixture[str], *words: str) -> list[list[float]]:
    capsys.readouterr()
    assert main(["predict", "images", "--json", *words]) == 0
    rows = json.loads(capsys.readouterr().out)["predictions"]
    return [list(row["probabilities"].values()) for row in rows]
