"""What probes see of an image: the owner's model's features, and plain figures of colour, edges and frequencies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from spellock.pixels import from_uint8
from spellock.prompts.sample import Pixels
from spellock.tasks.pixel_model import PixelModel

Features = NDArray[np.float64]
_BATCH: Final = 64
_BLOCKS: Final = 4
_BANDS: Final = 8
#: Wider features are projected to this many random directions, which keep distances (Johnson-Lindenstrauss).
WIDEST: Final = 512
_SMALLEST_SPREAD: Final = 1e-6


def plain_features(pixels: Pixels) -> Features:
    """float64 (N, 120): means and spreads of colours and mean edges over 4 x 4 blocks, log power in 8 frequency bands.

    Args:
        pixels: uint8 (N, R, R, 3), R at least 8.
    """
    values = pixels.astype(np.float64) / 255
    grey = values.mean(axis=3)
    edges = np.abs(np.diff(grey, axis=1, append=grey[:, -1:])) + np.abs(np.diff(grey, axis=2, append=grey[:, :, -1:]))
    parts = []
    for rows in np.array_split(np.arange(values.shape[1]), _BLOCKS):
        for columns in np.array_split(np.arange(values.shape[2]), _BLOCKS):
            block = values[:, rows[:, None], columns]
            parts += [
                block.mean(axis=(1, 2)),
                block.std(axis=(1, 2)),
                edges[:, rows[:, None], columns].mean((1, 2))[:, None],
            ]
    return np.concatenate([*parts, _spectrum(grey)], axis=1)


def model_features(model: PixelModel) -> Callable[[Pixels], Features]:
    """A function to the frozen model's penultimate features, float64 (N, D)."""

    def describe(pixels: Pixels) -> Features:
        device = model.mean.device
        tensor = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).contiguous()
        model.eval()
        with torch.no_grad():
            parts = [model.features(from_uint8(part).to(device)).float().cpu() for part in tensor.split(_BATCH)]
        return torch.cat(parts).numpy().astype(np.float64)

    return describe


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """Features made comparable: standardised over the raw sample, then narrowed where they are wide."""

    mean: Features
    spread: Features
    directions: Features | None

    def __call__(self, features: Features) -> Features:
        scaled: Features = (features - self.mean) / self.spread
        return scaled if self.directions is None else scaled @ self.directions


def fit_scale(raw: Features) -> Scale:
    """The scale of ``raw`` features (N, D); features that hardly vary keep their own size."""
    spread = raw.std(axis=0)
    floor = max(float(spread.max(initial=0.0)) * 1e-3, _SMALLEST_SPREAD)
    width, directions = raw.shape[1], None
    if width > WIDEST:
        draw = np.random.default_rng([width, 0x70726F6A])
        directions = draw.standard_normal((width, WIDEST)) / np.sqrt(WIDEST)
    return Scale(mean=raw.mean(axis=0), spread=np.maximum(spread, floor), directions=directions)


def _spectrum(grey: Features) -> Features:
    """Log mean power of rings around frequency zero, (N, 8)."""
    power = np.abs(np.fft.fftshift(np.fft.fft2(grey), axes=(1, 2))) ** 2
    rows, columns = np.indices(grey.shape[1:])
    radius = np.hypot(rows - grey.shape[1] // 2, columns - grey.shape[2] // 2)
    rings = np.minimum((radius / (radius.max() + 1e-9) * _BANDS).astype(int), _BANDS - 1)
    return np.stack([np.log(power[:, rings == ring].mean(axis=1) + 1e-6) for ring in range(_BANDS)], axis=1)
