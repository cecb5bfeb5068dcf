"""The least likely class: what a model says that has learnt to say anything but the right answer.

Objectives that push outputs apart (FMLock's second term) and complements of labels leave the truth at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass

from spellock.attacks.centred import standardise
from spellock.attacks.outputs import Logits
from spellock.attacks.reading import Read, Reading
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels


@register_attack("reversed")
@dataclass(frozen=True, kw_only=True)
class Reversed(Reading):
    """s = -(z - mean(z)) / deviation(z), over raw images: `centred` upside down."""

    def fit(self, reference: Logits, labels: Labels | None, seed: int) -> Read:
        """See `Reading.fit`."""
        return lambda outputs: -standardise(outputs, reference)
