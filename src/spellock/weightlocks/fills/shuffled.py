"""Weights of the same layer in other places: the fill has the layer's own distribution, whatever its shape.

They are drawn from outside the key, so that none of the key's values is given away.
"""

from __future__ import annotations

import torch

from spellock.weightlocks.fills.gaussian import gaussian
from spellock.weightlocks.fills.registry import Hole, register_fill
from spellock.weightlocks.splice import Values


@register_fill("shuffled")
def shuffled(hole: Hole) -> Values:
    """Values of the tensor outside the key, each drawn with equal chance; `gaussian` where all of it is in the key."""
    others = hole.outside()
    if not others.numel():
        return gaussian(hole)
    drawn = torch.from_numpy(hole.stream.below(others.numel(), hole.place.scalars))
    return others[drawn].reshape(-1, hole.place.unit)
