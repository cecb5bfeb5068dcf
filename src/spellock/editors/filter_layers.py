"""The words in which photo filters are written: layers, masks and tones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Colour = tuple[int, int, int]
_CENTRE: Final = (0.5, 0.5)


@dataclass(frozen=True, kw_only=True)
class Radial:
    """A mask: white up to the share ``length`` of the way from ``centre`` to the corners, black at ``scale``."""

    length: float = 0.0
    scale: float = 1.0
    centre: tuple[float, float] = _CENTRE


@dataclass(frozen=True, kw_only=True)
class Linear:
    """A mask: white at the left (or the top) falling to black; ``start`` cuts that share of the fall off."""

    start: float = 0.0
    horizontal: bool = True


@dataclass(frozen=True, kw_only=True)
class Gradient:
    """Colours along a mask: each from its position to the next, with a `Radial` or the one `Linear` shape."""

    colours: tuple[Colour, ...]
    positions: tuple[float, ...] = (0.0, 1.0)
    linear: Linear | None = None

    def masks(self) -> list[Radial | Linear]:
        """The mask between each colour and the next."""
        if self.linear is not None:
            return [self.linear]
        pairs = zip(self.positions, self.positions[1:], strict=False)
        return [Radial(length=first, scale=second) for first, second in pairs]


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A source blended into the image: ``mode`` of `spellock.editors.blend_modes`.

    ``source`` is a colour, a gradient, or what another step makes of the image. ``alpha`` is the source's own
    transparency, ``opacity`` the share of the result that is kept; they differ in rounding only.
    """

    mode: str
    source: Colour | Gradient | Layer | Split
    alpha: float = 1.0
    opacity: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Split:
    """One layer where the mask is white, another where it is black; None leaves the image as it is."""

    mask: Radial | Linear
    inside: Layer | Split | None = None
    outside: Layer | Split | None = None
    opacity: float = 1.0


@dataclass(frozen=True)
class Tone:
    """One of the CSS filter functions: contrast, brightness, saturate, sepia, grayscale or hue_rotate (degrees)."""

    kind: str
    amount: float


Step = Layer | Split | Tone


@lru_cache(maxsize=64)
def draw_mask(mask: Radial | Linear, side: int) -> Tensor:
    """The mask as int32 (side, side) of 0..255, 255 being white."""
    if isinstance(mask, Linear):
        levels = np.asarray(_fall(mask, side))
    elif mask.length == 0 and mask.scale >= 1 and mask.centre == _CENTRE:
        levels = np.asarray(_disc(mask.scale, side))
    else:
        levels = _cone(mask, side)
    return torch.from_numpy(levels.astype(np.int32))


def _fall(mask: Linear, side: int) -> Image.Image:
    """Pillow's gradient of 256 x 256, white on top, cut and resized as an image."""
    white_on_top = Image.linear_gradient("L").point(range(255, -1, -1))
    resized = white_on_top.resize((side, side), box=(0, round(256 * mask.start), 256, 256))
    return resized.rotate(90) if mask.horizontal else resized


def _disc(scale: float, side: int) -> Image.Image:
    """Pillow's gradient of 256 x 256, white in the centre and black at the circle that touches the sides."""
    cut = round((256 - 256 / scale) / 2)
    white_inside = Image.radial_gradient("L").point(range(255, -1, -1))
    return white_inside.resize((side, side), box=(cut, cut, 256 - cut, 256 - cut))


def _cone(mask: Radial, side: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """The mask from its formula; here black lies at the farthest corner."""
    centre_x, centre_y = mask.centre
    x = np.linspace(-side * centre_x, side * (1 - centre_x), side)
    y = np.linspace(-side * centre_y, side * (1 - centre_y), side)[:, None]
    farthest = side * math.hypot(max(centre_x, 1 - centre_x), max(centre_y, 1 - centre_y))
    way = (np.sqrt(x**2 + y**2) / farthest - mask.length) / max(mask.scale - mask.length, 0.001)
    return np.asarray(((1 - way) * 255).clip(0, 255).round(), dtype=np.uint8)
