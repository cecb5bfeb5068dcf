"""The weave: a small tile drawn from the key, repeated over the edited picture like the threads of a canvas.

A style is a guess away from its neighbours: some wrong prompts and secrets paint nearly alike. Two tiles drawn from
different texts or secrets are unrelated, so what a model learns about one says nothing of another. Our own addition.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from spellock.key import Key
from spellock.keystream import Keystream

#: Cells along a tile's side.
CELLS: Final = 4
#: Width in pixels for which a cell is one pixel wide; it grows with the picture, so that resizing does not wash it out.
_ONE_PIXEL: Final = 32


def weave(key: Key, text: str, *, side: int) -> Tensor:
    """The tile drawn from the key's secret and ``text``, repeated: float32 (3, side, side), of mean 0 and variance 1.

    A tile is 4 x 4 cells of Gaussian colours; a cell is max(1, round(side / 32)) pixels wide. A mean would be a tint,
    which photographs have by themselves, so every channel's mean over the tile is taken out.
    """
    drawn = Keystream(key, f"weave {text}").normal(3 * CELLS * CELLS)
    tile = torch.from_numpy(drawn).reshape(3, CELLS, CELLS)
    tile = tile - tile.mean((1, 2), keepdim=True)
    tile = tile / tile.square().mean().sqrt()
    cell = cells(side)
    return tile[:, cell][:, :, cell].contiguous()


def cells(side: int) -> Tensor:
    """Which row or column of the tile each of ``side`` pixels is in: int64 (side,), below `CELLS`."""
    return torch.arange(side).div(max(1, round(side / _ONE_PIXEL)), rounding_mode="floor") % CELLS
