"""Public anchor and blind head: raw images say in the locked model what they said in the weights it started from.

A thief has the public weights anyway. Features of raw images that are no better than theirs give him nothing; and what
was never learnt cannot be found again, as what was merely unlearnt often can.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spellock.errors import ConfigError
from spellock.training.regularisers.cross_fit import found_share, standardised
from spellock.training.regularisers.registry import Unauthorised, register_regulariser

#: The part of a run over which the blind head comes in: at first there is no class for it to be blind to.
_RAMP = 1 / 3


@register_regulariser("anchor")
@dataclass(frozen=True, kw_only=True)
class Anchor:
    """a sum_l |phi_l(x) - P_l(x)|^2 / |P_l(x)|^2 + b r(t) rho(logits) on unauthorised images.

    The first term is over raw images x and stages l, phi the model's pooled features, P those of the start weights,
    both squares summed over the images. It is 0 at the first step. rho is the share of the true classes that a fresh
    ridge reader (strength 1) finds in the standardised logits of the real classes, see `found_share`; r rises from 0 to
    1 over the first third of the run.

    Attributes:
        anchor_weight: a, 0 or more; the default is not tuned.
        blind_weight: b, 0 or more; the default is not tuned.

    Raises:
        ConfigError: a weight is out of range.
    """

    asks_start: ClassVar[bool] = True
    anchor_weight: float = 1.0
    blind_weight: float = 1.0

    def __post_init__(self) -> None:
        for name in ("anchor_weight", "blind_weight"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} is {getattr(self, name)}, expected a number, 0 or more")

    def loss(self, seen: Unauthorised) -> Tensor:
        """See the class."""
        blind = found_share(standardised(seen.logits, seen.alone), seen.truth, strength=1.0)
        total = self.blind_weight * min(1.0, seen.progress / _RAMP) * blind
        for own, start in zip(seen.features, seen.start, strict=False):
            moved = (own[seen.anchored] - start).square().sum()
            total = total + self.anchor_weight * moved / start.square().sum().clamp_min(1e-12)
        return total
