"""Nothing: zeros. The strongest collapse, as CoreLocker removes its channels, and anyone can see where the key was."""

from __future__ import annotations

import torch
from torch import Tensor

from spellock.weightlocks.fills.registry import Hole, register_fill


@register_fill("zero")
def zero(hole: Hole) -> Tensor:
    """Zeros."""
    return torch.zeros(()).expand(len(hole.place.indices), hole.place.unit)
