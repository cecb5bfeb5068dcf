"""The random numbers of a process's steps, which can be drawn a second time for another version of the same images."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch

from spellock.training.seeds import numpy_generator, torch_generator


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Generators of one epoch.

    Attributes:
        augment: of crops, flips and erased rectangles; on the CPU.
        mix: of mixup and CutMix.
    """

    augment: torch.Generator
    mix: np.random.Generator

    @classmethod
    def of(cls, seed: int, epoch: int, rank: int) -> Draws:
        """Those of epoch ``epoch`` in process ``rank``."""
        return cls(augment=torch_generator(seed, "augment", epoch, rank), mix=numpy_generator(seed, "mix", epoch, rank))

    def again(self) -> Draws:
        """Generators that will draw what these are about to draw."""
        augment = torch.Generator()
        augment.set_state(self.augment.get_state())
        return Draws(augment=augment, mix=copy.deepcopy(self.mix))
