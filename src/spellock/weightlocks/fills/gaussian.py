"""Noise like the layer's other weights: the place is not marked by its values, though large units may be missed."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from spellock.weightlocks.fills.registry import Hole, register_fill

_DRAWN: Final = 1 << 16


@register_fill("gaussian")
def gaussian(hole: Hole) -> Tensor:
    """Normal with mean and standard deviation of the tensor's values outside the key; of all where all are in it."""
    (mean, spread), count = hole.mean_and_spread(), hole.place.scalars
    drawn = torch.empty(count)
    # In pieces, for drawing takes several times the memory of what is drawn; the numbers are the same.
    for start in range(0, count, _DRAWN):
        drawn[start : start + _DRAWN] = torch.from_numpy(hole.stream.normal(min(_DRAWN, count - start)))
    return drawn.mul_(spread).add_(mean).reshape(-1, hole.place.unit)
