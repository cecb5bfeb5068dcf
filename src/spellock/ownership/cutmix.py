"""Images with a small piece of another image near a corner: the samples of SAC-m."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

#: Side of the piece as a share of the image's, and how far from the borders its centre lies at most (authors' code).
SIDE, MARGIN = 0.2, 1 / 6


def cutmix(images: Tensor, *, seed: int) -> Tensor:
    """uint8 (N, 3, H, W): every image with the piece at one drawn place replaced by that of a drawn partner.

    Height and width of the piece are a fifth of the image's. Its centre lies within a sixth of the image from a border
    in both directions, so it lies in a corner and may be cut off by the border.
    """
    draws = np.random.default_rng([seed, 0x6D6978])
    height, width = images.shape[-2:]
    rows, columns = _piece(height, draws), _piece(width, draws)
    partners = torch.from_numpy(draws.permutation(len(images)))
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[partners][:, :, rows, columns]
    return mixed


def _piece(side: int, draws: np.random.Generator) -> slice:
    near = [place for place in range(side) if not MARGIN * side < place < (1 - MARGIN) * side]
    centre, half = int(draws.choice(near)), max(1, int(SIDE * side) // 2)
    return slice(max(0, centre - half), min(side, centre + half))
