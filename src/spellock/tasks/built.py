"""A network as it was built, with what it wants its pixels to be."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, kw_only=True)
class Built:
    """A network and the pixels it wants: side, per-channel mean and std for [0, 1], interpolation."""

    network: nn.Module
    architecture: str
    input_size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
