"""Photographic and painterly operations: the teacher's brushes.

Every function takes and returns float images of shape (N, 3, H, W) in [0, 1]. All are deterministic, and all but
`vignette` commute with translations, so that a small convolutional student can learn them and every edit depends on
what is in the picture rather than on a fixed overlay that averaging leaked images would reveal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMA = (0.299, 0.587, 0.114)
Colour = Sequence[float]


def luminance(images: Tensor) -> Tensor:
    """Rec. 601 luma of shape (N, 1, H, W)."""
    weights = images.new_tensor(_LUMA).view(1, 3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def _rgb(images: Tensor, colour: Colour) -> Tensor:
    return images.new_tensor(list(colour)).view(1, 3, 1, 1)


def mix(images: Tensor, other: Tensor, amount: float) -> Tensor:
    """Linear blend, ``amount`` of ``other``."""
    return (images + amount * (other - images)).clamp(0, 1)


def blur(images: Tensor, sigma: float) -> Tensor:
    """Gaussian blur, ``sigma`` in pixels, borders replicated."""
    radius = max(1, math.ceil(2.5 * sigma))
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(images.shape[1], 1, 1, 1)
    padded = F.pad(images, (radius, radius, radius, radius), mode="replicate")
    rows = F.conv2d(padded, kernel.view(-1, 1, 1, 2 * radius + 1), groups=images.shape[1])
    return F.conv2d(rows, kernel.view(-1, 1, 2 * radius + 1, 1), groups=images.shape[1])


def sharpen(images: Tensor, amount: float, sigma: float = 1.0) -> Tensor:
    """Unsharp mask; a negative ``amount`` softens."""
    return (images + amount * (images - blur(images, sigma))).clamp(0, 1)


def saturate(images: Tensor, factor: float) -> Tensor:
    """Scale the distance from grey."""
    grey = luminance(images)
    return (grey + factor * (images - grey)).clamp(0, 1)


def hue_rotate(images: Tensor, angle: float) -> Tensor:
    """Rotate colours about the grey axis by ``angle`` radians (Rodrigues' formula)."""
    c, s = math.cos(angle), math.sin(angle)
    a, b = (1 - c) / 3, s / math.sqrt(3)
    matrix = images.new_tensor([[c + a, a - b, a + b], [a + b, c + a, a - b], [a - b, a + b, c + a]])
    return torch.einsum("ij,njhw->nihw", matrix, images).clamp(0, 1)


def contrast(images: Tensor, factor: float, pivot: float = 0.5) -> Tensor:
    """Stretch values about ``pivot``."""
    return (pivot + factor * (images - pivot)).clamp(0, 1)


def gamma(images: Tensor, exponent: float) -> Tensor:
    """Power-law tone curve."""
    return images.clamp(1e-4, 1) ** exponent


def split_tone(images: Tensor, shadow: Colour, highlight: Colour) -> Tensor:
    """Add ``shadow`` where the picture is dark and ``highlight`` where it is bright (signed RGB offsets)."""
    light = luminance(images)
    return (images + (1 - light) * _rgb(images, shadow) + light * _rgb(images, highlight)).clamp(0, 1)


def gradient_map(images: Tensor, dark: Colour, bright: Colour) -> Tensor:
    """Replace colour by the line from ``dark`` to ``bright`` at the pixel's luminance."""
    light = luminance(images)
    return (_rgb(images, dark) * (1 - light) + _rgb(images, bright) * light).clamp(0, 1)


def tone_wave(images: Tensor, amplitude: Colour, frequency: Colour, phase: Colour) -> Tensor:
    """Add a sine of each channel's own value: a keyed, content-dependent tone curve."""
    angle = 2 * math.pi * _rgb(images, frequency) * images + _rgb(images, phase)
    return (images + _rgb(images, amplitude) * torch.sin(angle)).clamp(0, 1)


def posterise(images: Tensor, levels: int, softness: float = 0.25) -> Tensor:
    """Pull values towards ``levels`` steps; ``softness`` 0 is a hard staircase, 1 is the identity."""
    scaled = images * (levels - 1)
    steps = torch.round(scaled) / (levels - 1)
    return mix(steps, images, softness)


def directional_derivative(images: Tensor, angle: float, sigma: float = 0.7) -> Tensor:
    """Derivative of the luminance along ``angle`` radians, shape (N, 1, H, W)."""
    light = F.pad(blur(luminance(images), sigma), (1, 1, 1, 1), mode="replicate")
    dx = (light[..., 1:-1, 2:] - light[..., 1:-1, :-2]) / 2
    dy = (light[..., 2:, 1:-1] - light[..., :-2, 1:-1]) / 2
    return math.cos(angle) * dx + math.sin(angle) * dy


def emboss(images: Tensor, angle: float, colour: Colour, sigma: float = 0.7) -> Tensor:
    """Light from ``angle``: add ``colour`` times the directional derivative."""
    relief = torch.tanh(4 * directional_derivative(images, angle, sigma))
    return (images + relief * _rgb(images, colour)).clamp(0, 1)


def edge_strength(images: Tensor, sigma: float = 0.6) -> Tensor:
    """Soft edge map in [0, 1], shape (N, 1, H, W)."""
    dx = directional_derivative(images, 0.0, sigma)
    dy = directional_derivative(images, math.pi / 2, sigma)
    return torch.tanh(5 * torch.sqrt(dx * dx + dy * dy + 1e-8))


def ink(images: Tensor, colour: Colour, amount: float, sigma: float = 0.6) -> Tensor:
    """Draw edges in ``colour``."""
    edges = edge_strength(images, sigma) * amount
    return (images * (1 - edges) + _rgb(images, colour) * edges).clamp(0, 1)


def kuwahara(images: Tensor, radius: int) -> Tensor:
    """Painterly smoothing: each pixel takes the mean of the calmest of its four quadrants (softly chosen)."""
    size = radius + 1
    padded = F.pad(images, (radius, radius, radius, radius), mode="replicate")
    mean = F.avg_pool2d(padded, size, stride=1)
    variance = (F.avg_pool2d(padded**2, size, stride=1) - mean**2).sum(1, keepdim=True)
    height, width = images.shape[-2:]
    corners = [(0, 0), (0, radius), (radius, 0), (radius, radius)]
    means = torch.stack([mean[..., y : y + height, x : x + width] for y, x in corners])
    spread = torch.stack([variance[..., y : y + height, x : x + width] for y, x in corners])
    weights = torch.softmax(-spread * 400, dim=0)
    return (weights * means).sum(0).clamp(0, 1)


def vignette(images: Tensor, amount: float) -> Tensor:
    """Darken towards the border."""
    height, width = images.shape[-2:]
    y = torch.linspace(-1, 1, height).view(1, 1, -1, 1)
    x = torch.linspace(-1, 1, width).view(1, 1, 1, -1)
    return images * (1 - amount * (x**2 + y**2) / 2)
