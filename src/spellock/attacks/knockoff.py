"""Knockoff nets (Orekondy et al., CVPR 2019): random images, the answers' probabilities, and a copy trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.attacks.customer import Customer
from spellock.attacks.extraction import Extraction
from spellock.attacks.registry import register_attack
from spellock.attacks.student import Student


@register_attack("knockoff")
@dataclass(frozen=True, kw_only=True)
class Knockoff(Extraction):
    """Ask about raw images drawn at random until the answers are used up; train with soft cross-entropy."""

    def steal(self, student: Student, customer: Customer) -> None:
        """See `Extraction.steal`."""
        count = len(student.view.unlabelled)
        draws = np.random.default_rng([student.view.seed, 0x6B6E6F63])
        places = draws.permutation(count)[: customer.left]
        student.train(places, customer(places), steps=self.steps, name="knockoff")
