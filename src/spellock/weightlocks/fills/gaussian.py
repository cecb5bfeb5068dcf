"""Noise like the layer's other weights: the place is not marked by its values, though large units may be missed."""

from __future__ import annotations

import torch
from torch import Tensor

from spellock.weightlocks.fills.registry import Hole, register_fill


@register_fill("gaussian")
def gaussian(hole: Hole) -> Tensor:
    """Normal with mean and standard deviation of the tensor's values outside the key; of all where all are in it."""
    others = hole.outside()
    others = others if others.numel() > 1 else hole.tensor.reshape(-1).float()
    spread = others.std() if others.numel() > 1 else torch.zeros(())
    drawn = torch.from_numpy(hole.stream.normal(hole.place.scalars)).reshape(-1, hole.place.unit)
    return others.mean() + spread * drawn
