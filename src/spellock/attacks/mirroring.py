"""Whether a thief who trains mirrors images left-right: where it makes other classes of them, it weakens the thief."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch import Tensor

from spellock.attacks.checks import one_of
from spellock.attacks.view import AttackerView

#: An attack's option ``flip``: as the locked model's own training did, or as set.
FOLLOW: Final = "follow"
FLIPS: Final = (FOLLOW, "yes", "no")


def check_flip(flip: str) -> None:
    """Raise `ConfigError` unless ``flip`` is one of `FLIPS`."""
    one_of("flip", flip, FLIPS)


def flips(flip: str, view: AttackerView) -> bool:
    """Whether images are mirrored under the option ``flip``."""
    return view.mirrored if flip == FOLLOW else flip == "yes"


def half_mirrored(pixels: Tensor, draws: np.random.Generator) -> Tensor:
    """Images (B, 3, H, W), each mirrored or not by chance."""
    turned = torch.from_numpy(draws.random(len(pixels)) < 0.5).to(pixels.device)
    return torch.where(turned[:, None, None, None], pixels.flip(-1), pixels)
