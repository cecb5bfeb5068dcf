"""The pictures that an editor is trained on: a folder, read once into memory as small crops."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from spellock.data.decode import decode_image
from spellock.data.walk import files_below
from spellock.errors import DataError

_SUFFIXES: Final = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".tif", ".tiff"}


class Photographs:
    """Square uint8 crops of every picture below a folder.

    A picture much larger than ``resolution`` gives several crops at random scales and places, a small one is scaled up
    and gives one. ``images`` has shape (N, 3, resolution, resolution), uint8.
    """

    def __init__(self, *, folder: Path, resolution: int, crops: int, seed: int) -> None:
        paths = files_below(folder, _SUFFIXES, hidden=True) if folder.is_dir() else []
        if not paths:
            raise DataError(f"found no pictures below {folder}; expected files such as .png or .jpg")
        rng = np.random.default_rng(seed)
        arrays: list[np.ndarray] = []
        self.unreadable: list[Path] = []
        for path in paths:
            try:
                arrays += _crops(decode_image(path, name=str(path)), resolution, crops, rng)
            except DataError:
                self.unreadable.append(path)
        if not arrays:
            raise DataError(f"none of the {len(paths)} pictures below {folder} could be read")
        self.images = torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()

    def batch(self, generator: torch.Generator, count: int, side: int) -> Tensor:
        """Draw ``count`` float images of shape (count, 3, side, side) in [0, 1], mirrored and dimmed at random."""
        chosen = torch.randint(len(self.images), (count,), generator=generator)
        images = self.images[chosen].float() / 255
        if side != images.shape[-1]:
            images = F.interpolate(images, size=(side, side), mode="area")
        mirrored = torch.rand(count, generator=generator) < 0.5
        images = torch.where(mirrored.view(-1, 1, 1, 1), images.flip(-1), images)
        gain = 0.35 + 0.65 * torch.rand(count, generator=generator).sqrt()
        return images * gain.view(-1, 1, 1, 1)


def _crops(image: Image.Image, resolution: int, crops: int, rng: np.random.Generator) -> list[np.ndarray]:
    short = min(image.size)
    if short < 1.5 * resolution:
        return [np.asarray(_square(image, resolution, resolution, rng))]
    sides = rng.uniform(resolution, min(short, 2.5 * resolution), size=crops)
    return [np.asarray(_square(image, int(side), resolution, rng)) for side in sides]


def _square(image: Image.Image, short: int, resolution: int, rng: np.random.Generator) -> Image.Image:
    """Scale the short side to ``short`` and cut a random square of ``resolution``."""
    scale = short / min(image.size)
    width, height = (max(resolution, round(side * scale)) for side in image.size)
    scaled = image.resize((width, height), Image.Resampling.BICUBIC)
    left = int(rng.integers(width - resolution + 1))
    top = int(rng.integers(height - resolution + 1))
    return scaled.crop((left, top, left + resolution, top + resolution))
