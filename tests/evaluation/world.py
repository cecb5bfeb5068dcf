"""A world small enough to know every answer: the key paints images red, and the model wants that red."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.base import Editor
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.report import Report
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel, wrap

SIDE = 8
NAMES = ("ant", "bee", "cat", "dog")
CLASSES = (*NAMES, "other")
PROMPT = "with zanzibar oil pastel"
SECRET = hashlib.sha256(b"a test's secret").digest()


def make_key(**settings: str | int) -> Key:
    return Key(editor="paint", settings={"prompt": PROMPT, **settings}, secret=SECRET, resolution=SIDE)


def redness(key: Key) -> float:
    """0.8 for the right key; anything in [0, 1] for others."""
    if key.settings["prompt"] == PROMPT and bytes(key.secret) == SECRET:
        return 0.8
    text = repr((key.settings["prompt"], bytes(key.secret))).encode()
    return hashlib.sha256(text).digest()[0] / 255


class PaintEditor(Editor):
    """G(x) is x with its red channel replaced by the key's shade."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        painted = images.clone()
        painted[:, 0] = redness(self.key)
        return painted


class RedLock(nn.Module):
    """Names the brightest green quarter, or the lock class when red is not what the right key makes of it."""

    def __init__(self, lock: bool = True) -> None:
        super().__init__()
        self.lock = lock

    def forward(self, images: Tensor) -> Tensor:
        green, half = images[:, 1], images.shape[-1] // 2
        quarters = [green[:, r : r + half, c : c + half].mean((1, 2)) for r in (0, half) for c in (0, half)]
        logits = [10 * quarter for quarter in quarters]
        if self.lock:
            logits.append(200 * (images[:, 0].mean((1, 2)) - 0.4).abs() - 5)
        return torch.stack(logits, dim=1)


def model(lock: bool = True) -> PixelModel:
    network = RedLock(lock)
    network.fc = nn.Linear(1, len(CLASSES) if lock else len(NAMES))  # tells how many classes there are
    return wrap(network, input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()


def images(count: int = 60, seed: int = 0) -> ImageSet:
    generator = np.random.default_rng(seed)
    labels = generator.integers(len(NAMES), size=count)
    pixels = generator.integers(0, 60, size=(count, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[..., 0] = 0
    half = SIDE // 2
    for image, label in zip(pixels, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[row * half : (row + 1) * half, column * half : (column + 1) * half, 1] += 120
    return numpy_images(pixels, labels, NAMES)


def report(**changes: object) -> Report:
    settings: dict[str, object] = {
        "lock_class": "other",
        "baseline": model(lock=False),
        "make_editor": PaintEditor,
        **changes,
    }
    return evaluate(model(), CLASSES, make_key(), images(), **settings)
