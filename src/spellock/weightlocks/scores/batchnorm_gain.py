"""CoreLocker's score: the magnitude of a BatchNorm's gain; a channel with a large one carries much of the network."""

from __future__ import annotations

from torch import Tensor

from spellock.weightlocks.kinds import Kind
from spellock.weightlocks.scores.registry import Units, register_score


@register_score("batchnorm-gain")
def batchnorm_gain(units: Units) -> Tensor | None:
    """s_i = |gamma_i|; nothing but gains of BatchNorms is scored."""
    return units.values.abs().sum(1) if units.kind is Kind.BATCH_GAIN else None
