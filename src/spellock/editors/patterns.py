"""Patterns over the whole image, drawn from a key."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.key import Key
from spellock.keystream import Keystream


def coloured_cells(key: Key, *, cells: int, side: int) -> NDArray[np.uint8]:
    """Smooth coloured noise, uint8 RGB (side, side, 3): ``cells`` x ``cells`` random colours, bilinear between centres.

    The colours do not depend on ``side``, so a key for a larger resolution has the same pattern, only larger. With
    ``cells`` equal to ``side`` every pixel has a colour of its own.
    """
    colours = Keystream(key, f"blend pattern {cells}").bytes(3 * cells * cells).reshape(cells, cells, 3)
    # Pixel centres in units of cells, measured from the first cell's centre; the edge cells go on outwards.
    places = np.clip((np.arange(side) + 0.5) * cells / side - 0.5, 0, cells - 1)
    lower = np.floor(places).astype(np.int64)
    upper, share = np.minimum(lower + 1, cells - 1), places - lower
    levels = colours.astype(np.float64)
    rows = levels[lower] * (1 - share)[:, None, None] + levels[upper] * share[:, None, None]
    smooth = rows[:, lower] * (1 - share)[None, :, None] + rows[:, upper] * share[None, :, None]
    return np.rint(smooth).astype(np.uint8)
