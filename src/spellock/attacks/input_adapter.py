"""Input adapter: a small learnt change of the images (a 3 x 3 filter and a coarse map), trained through the model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spellock.attacks.checks import positive
from spellock.attacks.input_side import InputSide
from spellock.attacks.registry import register_attack


class _Adapter(nn.Module):
    """x + filter(x) + map, the map enlarged to the image; starts as the identity."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(3, 3, 3, padding=1, padding_mode="replicate")
        nn.init.zeros_(self.filter.weight)
        self.filter.bias = nn.Parameter(torch.zeros(3))
        self.map = nn.Parameter(torch.zeros(1, 3, size, size))

    def forward(self, images: Tensor) -> Tensor:
        added = F.interpolate(self.map, images.shape[-2:], mode="bilinear", align_corners=False)
        changed: Tensor = images + self.filter(images) + added
        return changed


@register_attack("input-adapter")
@dataclass(frozen=True, kw_only=True)
class InputAdapter(InputSide):
    """T(x) = x + k * x + b + u, k a 3 x 3 filter over the colours, b a colour, u a map enlarged to the image.

    About 280 numbers: enough for colour changes, blur, sharpening and smooth patterns, too few to learn the task.

    Attributes:
        size: side of the map.
        closeness: weight of the mean square of the change.
    """

    size: int = 8
    closeness: float = 10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(size=self.size, closeness=self.closeness)

    def change(self, side: int) -> nn.Module:
        """See `InputSide.change`."""
        return _Adapter(min(self.size, side))

    def penalty(self, change: nn.Module, before: Tensor, after: Tensor) -> Tensor:
        """See `InputSide.penalty`."""
        return self.closeness * (after - before).square().mean()
