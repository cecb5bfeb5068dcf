"""What both halves of an editor's training share: the learning rate and the weight average."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


def cosine(step: int, steps: int, peak: float, warmup: int) -> float:
    """Learning rate at ``step``: linear warm-up to ``peak``, then a cosine to 1 % of it."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, done))) / 2)


class Average:
    """Exponential moving average of parameters, with a short memory at the start."""

    def __init__(self, *, modules: Iterable[nn.Module], decay: float) -> None:
        self.decay = decay
        self.parameters = [p for module in modules for p in module.parameters()]
        self.values: list[Tensor] = [p.detach().clone() for p in self.parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.values, [p.detach() for p in self.parameters], 1 - decay)

    @torch.no_grad()
    def copy_to_modules(self) -> None:
        for parameter, value in zip(self.parameters, self.values, strict=True):
            parameter.copy_(value)
