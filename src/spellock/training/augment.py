"""Shifts and flips of whole batches of uint8 images.

Only geometry is touched: colour and texture carry the edit, and a model must read the edit to know whom it serves.
Every image has a shift and a flip of its own; what leaves the frame is replaced by reflection, so that no black border
tells trained from other images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

from spellock.training.crop_erase import CropErase


class Augmentation(Protocol):
    """Changes uint8 images (B, C, H, W); draws from the generator only."""

    @property
    def flip(self) -> bool:
        """Whether it mirrors half of the images left-right."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class Augment:
    """Random crop of an image padded by reflection, and left-right flip.

    Attributes:
        shift: largest shift as a part of the side, in [0, 0.5); 4 pixels at 32.
        flip: also flip half of the images.
    """

    shift: float = 0.125
    flip: bool = True

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Augment (B, C, H, W) images of any type; the result has the same shape, type and device.

        Args:
            generator: on the CPU, whatever the images' device, so that the draws are the same everywhere.
        """
        count, _, height, width = images.shape
        rows = self._positions(count, height, generator)
        columns = self._positions(count, width, generator)
        if self.flip:
            flipped = torch.rand(count, generator=generator) < 0.5
            columns = torch.where(flipped[:, None], columns.flip(1), columns)
        picture = torch.arange(count)[:, None, None].to(images.device)
        # One gather of whole pixels; its result lies in memory channels last, as convolutions like it.
        pixels = images.permute(0, 2, 3, 1)[
            picture, rows[:, :, None].to(images.device), columns[:, None, :].to(images.device)
        ]
        return pixels.permute(0, 3, 1, 2)

    def _positions(self, count: int, size: int, generator: torch.Generator) -> Tensor:
        """For each image the source row (or column) of each target one, reflected at the border, (count, size)."""
        reach = int(self.shift * size)
        offset = torch.randint(-reach, reach + 1, (count, 1), generator=generator)
        position = (torch.arange(size) + offset).abs()
        return torch.where(position < size, position, 2 * (size - 1) - position)


AUGMENTATIONS: Final[dict[str, Augmentation | None]] = {
    "crop-flip": Augment(),
    "crop": Augment(flip=False),
    "random-resized-crop-erase": CropErase(),
    "none": None,
}

#: Those that mirror images left-right.
MIRRORING: Final = frozenset(name for name, made in AUGMENTATIONS.items() if made is not None and made.flip)


def make_augment(name: str) -> Augmentation | None:
    """One of `AUGMENTATIONS`."""
    return AUGMENTATIONS[name]
