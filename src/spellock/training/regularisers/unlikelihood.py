"""Unlikelihood: no unauthorised image shall leave its true classes the likeliest among the real ones.

Where a model is unsure whether an image is edited rightly, the true class is what it knows best, and leads the class
logits although the lock class may have most of the probability. A thief who drops the lock class reads it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from spellock.errors import ConfigError
from spellock.training.regularisers.registry import Unauthorised, register_regulariser

#: Beyond this certainty the term neither grows nor pulls; the task's loss does.
_SUREST = 0.999


@register_regulariser("unlikelihood")
@dataclass(frozen=True, kw_only=True)
class Unlikelihood:
    """u mean max(0, log(1 - c) - log(1 - p)) over unauthorised images.

    p is the share of the real classes' softmax that an image's true classes have, c the share of the classes that they
    are: what is no better than chance is let alone, as what is worse would be read backwards. The unlikelihood loss of
    Welleck et al. 2020 (arXiv 1908.04319, Eq. 4), from chance on.

    Attributes:
        unlikelihood_weight: u, 0 or more; the default was chosen of 0.5 and 1 on one seed of CIFAR-10.

    Raises:
        ConfigError: the weight is out of range.
    """

    asks_start: ClassVar[bool] = False
    unlikelihood_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.unlikelihood_weight < float("inf"):
            raise ConfigError(f"unlikelihood_weight is {self.unlikelihood_weight}, expected a number, 0 or more")

    def loss(self, seen: Unauthorised) -> Tensor:
        """See the class."""
        chance = seen.truth.mean(dim=1).clamp(max=_SUREST)
        known = (seen.logits.softmax(dim=1) * seen.truth).sum(dim=1).clamp(max=_SUREST)
        above = ((1 - chance).log() - (1 - known).log()).clamp_min(0)
        return self.unlikelihood_weight * above.mean()
