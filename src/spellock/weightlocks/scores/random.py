"""Units at random, drawn from the key's secret, none of them twice: nobody can tell the place from the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from spellock.keystream import Keystream
from spellock.weightlocks.scores.registry import Units, register_score


@register_score("random")
def random(units: Units) -> Tensor:
    """s_i uniform in (0, 1), the same for the same secret, tensor and unit."""
    drawn = Keystream(units.key, f"weight key: random score, {units.name}, from {units.start}").uniform(
        len(units.values)
    )
    return torch.from_numpy(drawn).float()
