"""Trigger inversion in the form of Neural Cleanse (Wang et al., S&P 2019): a mask and a pattern that unlock."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.attacks.checks import positive
from spellock.attacks.input_side import InputSide
from spellock.attacks.registry import register_attack


class _Trigger(nn.Module):
    """(1 - m) x + m p, m (1, 1, R, R) and p (1, 3, R, R) in [0, 1] by way of tanh."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.mask = nn.Parameter(torch.full((1, 1, side, side), -1.0) + 0.1 * torch.randn(1, 1, side, side))
        self.pattern = nn.Parameter(0.5 * torch.randn(1, 3, side, side))

    def strength(self) -> Tensor:
        return (self.mask.tanh() + 1) / 2

    def forward(self, images: Tensor) -> Tensor:
        mask = self.strength()
        changed: Tensor = (1 - mask) * images + mask * (self.pattern.tanh() + 1) / 2
        return changed


@register_attack("trigger-inversion")
@dataclass(frozen=True, kw_only=True)
class TriggerInversion(InputSide):
    """T(x) = (1 - m) x + m p, with ``sparsity`` times the mean of m added to what is made small.

    Neural Cleanse looks for what sends all images to one class; this looks for what makes the model answer at all. The
    weight of the mask is fixed, since without labels there is no success rate to steer it by.

    Attributes:
        sparsity: weight of the mask's mean.
    """

    learning_rate: float = 0.1
    sparsity: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(sparsity=self.sparsity)

    def change(self, side: int) -> nn.Module:
        """See `InputSide.change`."""
        return _Trigger(side)

    def penalty(self, change: nn.Module, before: Tensor, after: Tensor) -> Tensor:
        """See `InputSide.penalty`."""
        assert isinstance(change, _Trigger)
        return self.sparsity * change.strength().mean()
