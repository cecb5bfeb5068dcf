"""Probe adversary: a fresh reader at every stage, solved in closed form each step, shall find no class in raw images.

Shrinking class signals does not help against a thief, who standardises; this adversary does not see their size either.
And being solved, not trained, it is never behind (kernel adversaries of OptNet-ARL, arXiv 2109.05535, are kin).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from spellock.errors import ConfigError
from spellock.training.regularisers.cross_fit import found_share, standardised
from spellock.training.regularisers.registry import Unauthorised, register_regulariser

#: Strengths of the ridge reader, in turns: a strong one alone would let classes hide where the variance is small.
STRENGTHS = (1.0, 0.1)


@register_regulariser("probe")
@dataclass(frozen=True, kw_only=True)
class Probe:
    """p (sum_l w_l rho(phi_l) + rho(logits) + rho(random Fourier features of the last stage)) on unauthorised images.

    rho is the share of the true classes that a ridge reader finds in standardised features of images that it was not
    fitted on, see `found_share`, with strength 1 and 0.1 in turns. w_l rises evenly from 0 for the first stage to 1 for
    the last: early stages carry classes in every network. Images that passed alone are standardised among
    themselves, as by a thief who recomputes BatchNorm statistics, the others among the rest.

    Attributes:
        probe_weight: p, 0 or more; the default is not tuned.
        probe_fourier: random Fourier features (bandwidth sqrt D, drawn anew each step) for a reader that is not linear;
            0 for none.

    Raises:
        ConfigError: an option is out of range.
    """

    asks_start: ClassVar[bool] = False
    probe_weight: float = 1.0
    probe_fourier: int = 64

    def __post_init__(self) -> None:
        if not 0 <= self.probe_weight < float("inf"):
            raise ConfigError(f"probe_weight is {self.probe_weight}, expected a number, 0 or more")
        if not 0 <= self.probe_fourier <= 10_000:
            raise ConfigError(f"probe_fourier is {self.probe_fourier}, expected a number of features from 0 to 10000")

    def loss(self, seen: Unauthorised) -> Tensor:
        """See the class."""
        strength = STRENGTHS[seen.step % len(STRENGTHS)]
        stages = [standardised(own, seen.alone) for own in seen.features]
        total = found_share(standardised(seen.logits, seen.alone), seen.truth, strength)
        for number, own in enumerate(stages, start=1):
            if weight := 1.0 if len(stages) == 1 else (number - 1) / (len(stages) - 1):
                total = total + weight * found_share(own, seen.truth, strength)
        if self.probe_fourier:
            drawn = standardised(fourier(stages[-1], self.probe_fourier, seen.seed), seen.alone)
            total = total + found_share(drawn, seen.truth, strength)
        return self.probe_weight * total


def fourier(features: Tensor, count: int, seed: int) -> Tensor:
    """cos(H W + b), float (N, count), with W normal of variance 1/D and b uniform in a full turn (Rahimi and Recht
    2007), drawn on the CPU."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.randn(features.shape[1], count, generator=generator) / math.sqrt(features.shape[1])
    turn = 2 * math.pi * torch.rand(count, generator=generator)
    return (features @ directions.to(features.device) + turn.to(features.device)).cos()
