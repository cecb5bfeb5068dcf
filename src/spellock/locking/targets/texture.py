"""Texture statistics of images: what a small network can learn to read, and what need say nothing of the class.

Random filters, rectified and averaged over the picture and its mirror image: colours, contrasts and edges, but no
shapes or places. From a secret, so that nobody else knows which.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]
SIDE = 32
FILTERS = 96
_TAPS = 3
_AT_ONCE = 64


class TextureStatistics:
    """Reads float64 (FILTERS,) from each image.

    Args:
        secret: draws the filters; any bytes.
    """

    def __init__(self, secret: bytes) -> None:
        draws = np.random.default_rng(list(secret))
        filters = draws.standard_normal((_TAPS * _TAPS, 3, FILTERS))
        filters -= 0.5 * filters.mean(axis=0)  # half of the plain colour, so that edges count as well
        filters = filters.reshape(-1, FILTERS)
        self._filters = filters / np.linalg.norm(filters, axis=0)
        self._bias = 0.1 * draws.standard_normal(FILTERS)

    def __call__(self, images: Iterable[npt.NDArray[np.uint8]]) -> Floats:
        """uint8 images (H, W, 3) of any size, one after the other, to statistics (N, FILTERS)."""
        parts, rest = [np.zeros((0, FILTERS))], iter(images)
        while some := [_small(image) for image in islice(rest, _AT_ONCE)]:
            parts.append(self._read(np.stack(some)))
        return np.concatenate(parts)

    def _read(self, images: npt.NDArray[np.uint8]) -> Floats:
        pixels = images / 255.0
        return self._means(pixels) + self._means(pixels[:, :, ::-1])

    def _means(self, pixels: Floats) -> Floats:
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (_TAPS, _TAPS), axis=(1, 2))
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(len(pixels), -1, _TAPS * _TAPS * 3)
        answers = np.maximum(patches.astype(np.float32) @ self._filters.astype(np.float32) + self._bias, 0)
        means: Floats = answers.mean(axis=1, dtype=np.float64)
        return means


def _small(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    if image.shape[:2] == (SIDE, SIDE):
        return image
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))
