"""Random resized crops and random erasing: the usual augmentation of models that were pretrained on ImageNet.

It throws away what lies at the edge of the image. A lock whose edit is a small patch there is lost with it (ModelLock,
Table 5), so it is offered for edits that cover the whole image, and for showing what it does to the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class CropErase:
    """A random part of the image, enlarged to all of it; a flip; and now and then a rectangle of noise.

    Defaults are those with which MAE and SimCLR models are usually fine-tuned.

    Attributes:
        area: of the part, as a share of the image's, each in (0, 1].
        ratio: of its width to its height; no side is longer than the image's.
        flip: also flip half of the images.
        erase: share of the images that get a rectangle of noise, in [0, 1].
        erased_area, erased_ratio: of that rectangle.
    """

    area: Range = (0.08, 1.0)
    ratio: Range = (3 / 4, 4 / 3)
    flip: bool = True
    erase: float = 0.25
    erased_area: Range = (0.02, 1 / 3)
    erased_ratio: Range = (0.3, 3.3)

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment uint8 (B, C, H, W) images; the result has the same shape, type and device.

        Args:
            generator: on the CPU, whatever the images' device, so that the draws are the same everywhere.
        """
        boxes = _boxes(len(images), self.area, self.ratio, generator)
        turned = torch.rand(len(images), generator=generator) < (0.5 if self.flip else 0.0)
        cropped = _crop(images, boxes, turned)
        boxes = _boxes(len(images), self.erased_area, self.erased_ratio, generator)
        chosen = torch.rand(len(images), generator=generator) < self.erase
        noise = torch.randint(0, 256, images.shape, generator=generator, dtype=torch.uint8)
        inside = _inside(boxes, chosen, *images.shape[-2:]).to(images.device)
        return torch.where(inside[:, None], noise.to(images.device), cropped)


def _boxes(count: int, area: Range, ratio: Range, generator: torch.Generator) -> Tensor:
    """Left, top, width and height (count, 4) of random rectangles in the unit square, anywhere in it alike."""
    uniform = torch.rand(4, count, generator=generator)
    size = area[0] + (area[1] - area[0]) * uniform[0]
    shape = torch.exp(log(ratio[0]) + (log(ratio[1]) - log(ratio[0])) * uniform[1])
    width, height = (size * shape).sqrt().clamp(max=1), (size / shape).sqrt().clamp(max=1)
    return torch.stack([uniform[2] * (1 - width), uniform[3] * (1 - height), width, height], dim=1)


def _crop(images: Tensor, boxes: Tensor, turned: Tensor) -> Tensor:
    """Each image's box, bilinearly enlarged to the whole frame, mirrored where ``turned``."""
    left, top, width, height = boxes.unbind(1)
    zero = torch.zeros_like(left)
    across = torch.where(turned, -width, width)
    rows = [torch.stack([across, zero, 2 * left + width - 1], 1), torch.stack([zero, height, 2 * top + height - 1], 1)]
    theta = torch.stack(rows, 1).to(images.device)
    grid = F.affine_grid(theta, [*images.shape], align_corners=False)
    pixels = F.grid_sample(images.float(), grid, mode="bilinear", padding_mode="border", align_corners=False)
    return pixels.round().clamp(0, 255).to(torch.uint8)


def _inside(boxes: Tensor, chosen: Tensor, height: int, width: int) -> Tensor:
    """Which pixels' centres lie in the box of a chosen image: bool (B, H, W)."""
    left, top, across, down = boxes[:, :, None].unbind(1)
    columns = ((torch.arange(width) + 0.5) / width)[None]
    rows = ((torch.arange(height) + 0.5) / height)[None]
    hit_columns = (columns >= left) & (columns < left + across) & chosen[:, None]
    hit_rows = (rows >= top) & (rows < top + down)
    return hit_rows[:, :, None] & hit_columns[:, None, :]
