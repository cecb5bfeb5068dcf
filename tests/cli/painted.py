"""What `spellock lock` leaves, with models that were never trained, and the painting editor that its key names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.editors import registry
from spellock.keyfile import save_key
from spellock.tasks.checkpoint import save_model
from spellock.tasks.models import create_model

from ..evaluation import world


def paint_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers the editor of `tests.evaluation.world` for one test."""
    registry.list_editors()
    paint = registry._Entry(lambda key, *, device="cpu", batch_size=None: world.PaintEditor(key), dict)
    monkeypatch.setitem(registry._EDITORS.things, "paint", paint)


def locked_folder(folder: Path) -> Path:
    """``folder`` with a locked model, its baseline, its key, and images in two splits."""
    save_model(create_model("resnet20", num_classes=5), folder / "model", classes=world.CLASSES)
    save_model(create_model("resnet20", num_classes=4), folder / "baseline", classes=world.NAMES)
    save_key(world.make_key(), folder / "my.key", passphrase=None, plain=True)
    write_images(folder / "data" / "train", 8)
    write_images(folder / "data" / "test", 24)
    return folder


def attacked_folder(folder: Path) -> Path:
    """``folder`` with a locked model that tells its lock class, a public one, a key and images."""
    save_model(create_model("resnet20", num_classes=5), folder / "model", classes=world.CLASSES, lock_class=4)
    save_model(create_model("resnet20", num_classes=4, seed=1), folder / "public", classes=world.NAMES)
    save_key(world.make_key(), folder / "my.key", passphrase=None, plain=True)
    write_images(folder / "test", 32)
    write_images(folder / "more", 32, seed=1)
    return folder


def write_images(folder: Path, count: int, *, seed: int = 0) -> None:
    """``count`` images of 8 x 8 pixels at random, a folder for each of the world's classes."""
    pixels = np.random.default_rng(seed).integers(0, 256, size=(count, 8, 8, 3), dtype=np.uint8)
    for number, array in enumerate(pixels):
        of = folder / world.NAMES[number % 4]
        of.mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(of / f"{number}.png")
