"""The mean magnitude of a unit's weights: layers of every width take part."""

from __future__ import annotations

from torch import Tensor

from spellock.weightlocks.scores.registry import Units, register_score


@register_score("fan-in-l1")
def fan_in_l1(units: Units) -> Tensor:
    """s_i = mean_j |w_ij|."""
    return units.values.abs().mean(1)
