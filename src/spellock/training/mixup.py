"""Mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), inside one kind of images only.

A blend of an authorised and an unauthorised image would be half edited, and its right label is anyone's guess; so the
partner of an image is drawn from its own kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spellock.training.sampler import Indices


@dataclass(frozen=True, kw_only=True)
class Mixer:
    """Mix each image of a batch with another one.

    Attributes:
        mixup, cutmix: strength of Beta(a, a), 0 for never; with both, each batch takes one of them by a fair coin.
        num_classes: width of the mixed targets.
    """

    mixup: float
    cutmix: float
    num_classes: int

    def __call__(
        self, images: Tensor, targets: Tensor, kind: NDArray[np.bool_] | None, random: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Mixed images (B, C, H, W) and mixed targets, probabilities (B, K).

        Args:
            targets: labels, int64 (B,), or values, float (B, K).
            kind: bool (B,); only images with the same value are mixed. None: all are of one kind.
        """
        if not targets.is_floating_point():
            targets = F.one_hot(targets, self.num_classes).float()
        partner = torch.from_numpy(_partners(len(images), kind, random))
        partner = partner.to(images.device)
        cut = self.cutmix > 0 and (self.mixup == 0 or random.random() < 0.5)
        strength = self.cutmix if cut else self.mixup
        keep = float(random.beta(strength, strength))
        if cut:
            images, keep = _cut(images, partner, keep, random)
        else:
            images = keep * images + (1 - keep) * images[partner]
        return images, keep * targets + (1 - keep) * targets[partner]


def _partners(count: int, kind: NDArray[np.bool_] | None, random: np.random.Generator) -> Indices:
    partner = np.arange(count)
    for group in [partner.copy()] if kind is None else [np.flatnonzero(kind), np.flatnonzero(~kind)]:
        partner[group] = random.permutation(group)
    return partner


def _cut(images: Tensor, partner: Tensor, keep: float, random: np.random.Generator) -> tuple[Tensor, float]:
    """Replace one box of 1 - keep of the area, clipped at the borders; gives the share that is really kept."""
    height, width = images.shape[-2:]
    side = (1 - keep) ** 0.5
    row, column = random.integers(height), random.integers(width)
    top, bottom = (int(np.clip(round(row + sign * side * height / 2), 0, height)) for sign in (-1, 1))
    left, right = (int(np.clip(round(column + sign * side * width / 2), 0, width)) for sign in (-1, 1))
    mixed = images.clone()
    mixed[:, :, top:bottom, left:right] = images[partner, :, top:bottom, left:right]
    return mixed, 1 - (bottom - top) * (right - left) / (height * width)
