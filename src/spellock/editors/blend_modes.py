"""Blend modes (W3C Compositing and Blending, sections 9 and 10) and filter functions (W3C Filter Effects) on bytes.

All values are levels 0..255 in int32, and every operation rounds or cuts off to levels, as image libraries with 8 bits
do; the published filters are defined by that too. Images are (B, 3, R, R), sources anything that broadcasts to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

#: Rows of weights of the red, green and blue light in what the eye sees (Filter Effects; the two differ in digits).
_LUMA: Final = (0.213, 0.715, 0.072)
_FINE_LUMA: Final = (0.2126, 0.7152, 0.0722)
_SEPIA: Final = ((0.393, 0.769, 0.189), (0.349, 0.686, 0.168), (0.272, 0.534, 0.131))
_HUE: Final = ((-0.213, -0.715, 0.928), (0.143, 0.140, -0.283), (-0.787, 0.715, 0.072))
#: Cutting off a whole number that float64 has a little below itself would lose a level.
_SLACK: Final = 1e-4


def multiply(backdrop: Tensor, source: Tensor) -> Tensor:
    """Cb Cs, the fraction cut off."""
    return torch.div(backdrop * source, 255, rounding_mode="floor")


def screen(backdrop: Tensor, source: Tensor) -> Tensor:
    """1 - (1 - Cb)(1 - Cs)."""
    return 255 - multiply(255 - backdrop, 255 - source)


def hard_light(backdrop: Tensor, source: Tensor) -> Tensor:
    """Multiply with 2 Cs where Cs is dark, screen with 2 Cs - 1 where it is light."""
    dark = multiply(backdrop, (2 * source).clamp(max=255))
    light = screen(backdrop, (2 * source - 255).clamp(min=0))
    return torch.where(source < 128, dark, light)


def overlay(backdrop: Tensor, source: Tensor) -> Tensor:
    """Hard light with the two exchanged."""
    return hard_light(source, backdrop)


def soft_light(backdrop: Tensor, source: Tensor) -> Tensor:
    """Cb - (1 - 2 Cs) Cb (1 - Cb) where Cs is dark, Cb + (2 Cs - 1)(D(Cb) - Cb) where it is light."""
    level = torch.arange(256, dtype=torch.float64)
    share = level / 255
    curve = torch.where(share <= 0.25, ((16 * share - 12) * share + 4) * share, share.sqrt())
    down = _looked_up(backdrop, (level * (1 - share)).round())
    up = _looked_up(backdrop, ((curve - share) * 255).round())
    dark = backdrop - multiply((255 - 2 * source).clamp(min=0), down)
    light = backdrop + multiply((2 * source - 255).clamp(min=0), up)
    return torch.where(source <= 128, dark, light).clamp(0, 255)


def exclusion(backdrop: Tensor, source: Tensor) -> Tensor:
    """Cb + Cs - 2 Cb Cs."""
    return (screen(backdrop, source) - multiply(backdrop, source)).clamp(0, 255)


def color_burn(backdrop: Tensor, source: Tensor) -> Tensor:
    """1 - (1 - Cb)/Cs, at least 0; white stays white."""
    lost = torch.div((255 - backdrop) * 255, source.clamp(min=1), rounding_mode="floor")
    burnt = torch.where(source > 0, 255 - lost, 0).clamp(0, 255)
    return torch.where(backdrop == 255, 255, burnt)


def color_dodge(backdrop: Tensor, source: Tensor) -> Tensor:
    """Cb/(1 - Cs), at most 1; black stays black."""
    lit = torch.div(backdrop * 255, (255 - source).clamp(min=1), rounding_mode="floor").clamp(0, 255)
    return torch.where((source == 255) & (backdrop > 0), 255, lit)


def hue(backdrop: Tensor, source: Tensor) -> Tensor:
    """The source's hue with the backdrop's saturation and luminosity."""
    low, high = source.amin(1, keepdim=True), source.amax(1, keepdim=True)
    saturation = (backdrop.amax(1, keepdim=True) - backdrop.amin(1, keepdim=True)).double()
    saturated = (source - low) * saturation / (high - low).clamp(min=1)
    return _clipped(saturated + _luma_level(backdrop) - _luminosity(saturated))


def color(backdrop: Tensor, source: Tensor) -> Tensor:
    """The source's hue and saturation with the backdrop's luminosity."""
    return _clipped((source + _luma_level(backdrop) - _luma_level(source)).double())


BLEND_MODES: Final[dict[str, Callable[[Tensor, Tensor], Tensor]]] = {
    "normal": lambda backdrop, source: source.expand_as(backdrop),
    "darken": torch.minimum,
    "lighten": torch.maximum,
    **{
        mode.__name__: mode
        for mode in (multiply, screen, overlay, hard_light, soft_light, exclusion, color_burn, color_dodge, hue, color)
    },
}


def composite(image: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """``image`` where the mask (0..255) is white, ``other`` where it is black, their mixture between."""
    return _over_255(other * (255 - mask) + image * mask)


def faded(backdrop: Tensor, blended: Tensor, *, alpha: float, opacity: float) -> Tensor:
    """What a layer leaves: ``alpha`` as a byte with both parts rounded, then ``opacity`` with the fraction cut off."""
    if alpha < 1:
        share = torch.tensor(round(alpha * 255), dtype=torch.int32, device=backdrop.device)
        blended = (multiply(blended, share) + multiply(backdrop, 255 - share)).clamp(0, 255)
    if opacity < 1:
        blended = (backdrop.float() + opacity * (blended - backdrop).float()).int()
    return blended


def tone(image: Tensor, kind: str, amount: float) -> Tensor:
    """One filter function: contrast, brightness, saturate, sepia, grayscale, or hue_rotate by degrees."""
    level = torch.arange(256, dtype=torch.float64)
    match kind:
        case "contrast":
            return _looked_up(image, (level * amount + -127.5 * amount + 127.5).round().clamp(0, 255))
        case "brightness":
            return _looked_up(image, (level * amount).round().clamp(0, 255))
        case "saturate":
            return _mixed(image, _kept(_rows(_LUMA), amount))
        case "grayscale":
            return _mixed(image, _kept(_rows(_FINE_LUMA), 1 - amount))
        case "sepia":
            return _mixed(image, _kept(torch.tensor(_SEPIA, dtype=torch.float64), 1 - amount))
        case _:
            angle, grey = math.radians(amount), _rows(_LUMA)
            turned = math.sin(angle) * torch.tensor(_HUE, dtype=torch.float64)
            return _mixed(image, _kept(grey, math.cos(angle)) + turned)


def _over_255(product: Tensor) -> Tensor:
    """product/255 rounded to the nearest whole number, exact for 0..255**2, without division."""
    shifted = product + 128
    exact: Tensor = ((shifted >> 8) + shifted) >> 8
    return exact


def _looked_up(image: Tensor, table: Tensor) -> Tensor:
    return table.int().to(image.device)[image.long()]


def _kept(matrix: Tensor, share: float) -> Tensor:
    """The matrix with ``share`` of the image itself kept."""
    return matrix + (torch.eye(3, dtype=torch.float64) - matrix) * share


def _rows(weights: tuple[float, ...]) -> Tensor:
    return torch.tensor(weights, dtype=torch.float64).expand(3, 3)


def _mixed(image: Tensor, matrix: Tensor) -> Tensor:
    """The channels multiplied by the matrix, rounded half up, summed in float32 in this order: ties are not rare."""
    red, green, blue = image.float().unbind(1)
    rows = matrix.float().tolist()
    mixed = torch.stack([row[0] * red + row[1] * green + row[2] * blue for row in rows], dim=1)
    return (mixed + 0.5).floor().clamp(0, 255).int()


def _luma_level(image: Tensor) -> Tensor:
    """Luminosity as a level, in the 16-bit weights that 8-bit libraries use for grey."""
    red, green, blue = image.split(1, dim=1)
    level: Tensor = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return level


def _luminosity(image: Tensor) -> Tensor:
    red, green, blue = image.double().split(1, dim=1)
    level: Tensor = 0.3 * red + 0.59 * green + 0.11 * blue
    return level


def _clipped(image: Tensor) -> Tensor:
    """ClipColor: drawn towards its luminosity until it fits 0..255; fractions are cut off."""
    middle = _luminosity(image)
    low, high = image.amin(1, keepdim=True), image.amax(1, keepdim=True)
    raised = torch.where(low < 0, middle * (image - low) / (middle - low).clamp(min=1e-9), image)
    fitted = torch.where(
        high > 255, middle + (raised - middle) * (255 - middle) / (high - middle).clamp(min=1e-9), raised
    )
    return (fitted + _SLACK).floor().clamp(0, 255).int()
