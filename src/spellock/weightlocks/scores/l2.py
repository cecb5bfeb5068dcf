"""The Euclidean norm of a unit: its share of the layer's Frobenius norm, which is what its removal takes from it."""

from __future__ import annotations

from torch import Tensor

from spellock.weightlocks.scores.registry import Units, register_score


@register_score("l2")
def l2(units: Units) -> Tensor:
    """s_i = sqrt(sum_j w_ij^2)."""
    return units.values.square().sum(1).sqrt()
