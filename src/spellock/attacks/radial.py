"""Frequencies of one wavelength: rings of a two-dimensional spectrum."""

from __future__ import annotations

import torch
from torch import Tensor


def rings_of(side: int) -> Tensor:
    """The ring of each place of ``rfft2`` of a square of ``side`` pixels: int64 (side * (side // 2 + 1),); 0: mean."""
    rows = torch.fft.fftfreq(side)[:, None] * side
    columns = torch.fft.rfftfreq(side)[None, :] * side
    rings: Tensor = (rows.square() + columns.square()).sqrt().round().long().flatten()
    return rings
