"""The smallest units first: the control of AdaLoc's ablation that should fail."""

from __future__ import annotations

from torch import Tensor

from spellock.weightlocks.scores.registry import Units, register_score


@register_score("bottom")
def bottom(units: Units) -> Tensor:
    """s_i = -sum_j |w_ij|."""
    return -units.values.abs().sum(1)
