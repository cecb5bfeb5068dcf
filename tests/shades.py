"""Image folders that any small model learns: classes of noise around a grey level each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

DARK_AND_LIGHT = {"dark": 60, "light": 190}


def write_shades(
    root: Path,
    count: int,
    *,
    levels: Mapping[str, int] = DARK_AND_LIGHT,
    spread: int = 40,
    size: tuple[int, int] = (16, 16),
    seed: int = 0,
) -> Path:
    """``count`` images a class, of ``size`` rows and columns, in ``root``; returns ``root``."""
    draws = np.random.default_rng(seed)
    for name, level in levels.items():
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(level + draws.integers(-spread, spread, (*size, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    return root
