"""Warp adapter: trigger inversion for triggers that move pixels; a smooth field of displacements that unlocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spellock.attacks.checks import positive
from spellock.attacks.input_side import InputSide
from spellock.attacks.registry import register_attack


class _Field(nn.Module):
    """x(p + u(p)), u enlarged from a coarse field; it starts next to nothing."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.field = nn.Parameter(0.01 * torch.randn(1, 2, size, size))

    def forward(self, images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        still = F.affine_grid(torch.eye(2, 3)[None], [1, 3, height, width], align_corners=False)
        moved = F.interpolate(self.field, (height, width), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
        return F.grid_sample(
            images, (still + moved).expand(count, -1, -1, -1), padding_mode="border", align_corners=False
        )


@register_attack("warp-adapter")
@dataclass(frozen=True, kw_only=True)
class WarpAdapter(InputSide):
    """T(x)(p) = x(p + u(p)), u a ``size`` x ``size`` field of displacements enlarged bicubically, bilinear sampling.

    Places run from -1 to 1 over the image. The form is that of WaNet's triggers (Nguyen and Tran, ICLR 2021), found by
    gradients instead of drawn.

    Attributes:
        size: side of the coarse field.
        closeness: weight of the mean square of the displacements.
    """

    size: int = 4
    closeness: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        positive(size=self.size, closeness=self.closeness)

    def change(self, side: int) -> nn.Module:
        """See `InputSide.change`."""
        return _Field(min(self.size, side))

    def penalty(self, change: nn.Module, before: Tensor, after: Tensor) -> Tensor:
        """See `InputSide.penalty`."""
        assert isinstance(change, _Field)
        return self.closeness * change.field.square().mean()
