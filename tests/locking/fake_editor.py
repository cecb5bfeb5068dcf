"""A keyed transform without any network, for tests: deterministic, visible, and as slow as asked."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.data import ImageSet, numpy_images
from spellock.editors.base import Editor
from spellock.key import Key

PROMPT = "a spell nobody would guess"


class FakeEditor(Editor):
    """Rolls the colour channels and shifts brightness by amounts drawn from prompt and secret."""

    def __init__(self, key: Key, *, seconds: float = 0.0, batch: int = 8) -> None:
        self.canonical_batch = batch
        super().__init__(key)
        self.seconds = seconds
        self.batches = 0
        self.edited = 0

    def edit_uint8(self, images: NDArray[np.uint8], ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
        self.edited += len(images)
        return super().edit_uint8(images, ids)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        time.sleep(self.seconds)
        self.batches += 1
        digest = hashlib.sha256(str(self.key.settings["prompt"]).encode() + self.key.derive("fake")).digest()
        return (images.roll(1 + digest[0] % 2, dims=1) * 0.5 + digest[1] / 512).clamp(0, 1)


def fake_key(*, prompt: str = PROMPT, secret: int = 1, resolution: int = 8) -> Key:
    return Key(editor="fake", settings={"prompt": prompt}, secret=bytes([secret]) * 32, resolution=resolution)


def random_images(count: int, classes: int = 4, *, size: int = 8) -> ImageSet:
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return numpy_images(pixels, np.arange(count) % classes, [f"class {k}" for k in range(classes)], name="random")
