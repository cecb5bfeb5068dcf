"""AdaLoc's score: the plain sum of magnitudes of a unit, not divided by its size (the authors' helper.py).

Large units win for being large: in a ResNet-18 the filters of the last stage fill the whole key. `fan_in_l1` does not.
"""

from __future__ import annotations

from torch import Tensor

from spellock.weightlocks.scores.registry import Units, register_score


@register_score("l1")
def l1(units: Units) -> Tensor:
    """s_i = sum_j |w_ij|."""
    sizes = units.values.abs()
    return sizes.sum(1) if sizes.shape[1] > 1 else sizes.squeeze(1)
