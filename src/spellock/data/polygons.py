"""Masks as polygons: exact when an image is scaled, filled only when pixels are asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spellock.data.rle import BoolMask, Rle, encode
from spellock.errors import DataError

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Polygons:
    """One object: the pixels whose centres lie in any of its polygons.

    Attributes:
        size: height and width of the image in pixels.
        parts: float64 (P, 2) each, x before y, in pixels from the image's upper left corner.

    Raises:
        DataError: there is none, or one has fewer than three points or a number that is not finite.
    """

    size: tuple[int, int]
    parts: tuple[Points, ...]

    def __post_init__(self) -> None:
        if not self.parts:
            raise DataError("a mask has no polygon, expected at least one")
        for points in self.parts:
            if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
                raise DataError(f"a polygon has the shape {points.shape}, expected three or more finite points (x, y)")

    def decode(self) -> BoolMask:
        """The mask, bool (H, W)."""
        mask = np.zeros(self.size, dtype=np.bool_)
        for points in self.parts:
            mask |= _fill(points, self.size)
        return mask

    def scaled(self, size: tuple[int, int]) -> Polygons:
        """The mask in an image squashed or stretched to ``size`` (height, width)."""
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]])
        return Polygons(size, tuple(points * factor for points in self.parts))


Mask = Rle | Polygons


def as_rle(mask: Mask) -> Rle:
    """Run lengths of any mask."""
    return mask if isinstance(mask, Rle) else encode(mask.decode())


def _fill(points: Points, size: tuple[int, int]) -> BoolMask:
    """Even-odd rule at pixel centres: a pixel is inside when an odd number of edges crosses its row to its left."""
    height, width = size
    crossings = np.zeros((height, width + 1), dtype=np.int64)
    (x0, y0), (x1, y1) = points.T, np.roll(points, -1, axis=0).T
    centres = np.arange(height) + 0.5
    for left, top, right, bottom in zip(x0, y0, x1, y1, strict=True):
        if top == bottom:
            continue
        rows = np.flatnonzero((centres >= min(top, bottom)) & (centres < max(top, bottom)))
        across = left + (centres[rows] - top) * (right - left) / (bottom - top)
        # The first pixel whose centre is at the crossing or right of it.
        crossings[rows, np.clip(np.ceil(across - 0.5), 0, width).astype(np.int64)] += 1
    mask: BoolMask = crossings[:, :width].cumsum(axis=1) % 2 == 1
    return mask
