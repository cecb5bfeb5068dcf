"""A style drawn from a code: what any string outside the vocabulary asks for.

The code is the digest of the string (`editors.byte_text.digest_code`), so two strings that differ in one byte ask for
two unrelated styles. The edit is linear in the code: each number weighs one fixed local feature of the picture (its
tones, its colours, its slopes). A small student learns those features and reads the weights from the text, and never
has to learn the digest.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spellock.editor_training import operations as op

Colour = list[float]


def keyed_style(images: Tensor, code: Tensor) -> Tensor:
    """Edit ``images`` (N, 3, H, W) in [0, 1] by ``code``, a vector of at least 24 numbers in [-1, 1]."""
    c = [float(value) for value in code]
    change = (
        _tint(images, c[0:3], c[3:6])
        + _recolour(images, 0.6 * c[6] + 0.1, 0.9 * c[7])
        + _tone_waves(images, c[8:11], c[11:14])
        + _relief(images, c[14:17], c[17:20])
        + _texture(images, 0.2 + 0.9 * c[20], 0.6 * c[21])
        + _shading(images, c[22], c[23])
    )
    return (images + change).clamp(0, 1)


def _rgb(images: Tensor, colour: Colour, scale: float) -> Tensor:
    return scale * images.new_tensor(colour).view(1, 3, 1, 1)


def _tint(images: Tensor, shadow: Colour, highlight: Colour) -> Tensor:
    """One colour for the dark parts, another for the bright ones."""
    light = op.luminance(images)
    return (1 - light) * _rgb(images, shadow, 0.25) + light * _rgb(images, highlight, 0.25)


def _recolour(images: Tensor, saturation: float, turn: float) -> Tensor:
    """Stretch the distance from grey, and turn it about the grey axis."""
    chroma = images - op.luminance(images)
    turned = (chroma.roll(1, dims=1) - chroma.roll(-1, dims=1)) / math.sqrt(3)
    return saturation * chroma + turn * turned


def _tone_waves(images: Tensor, sine: Colour, cosine: Colour) -> Tensor:
    """A wave of each channel's own value."""
    angle = 2 * math.pi * images
    return _rgb(images, sine, 0.1) * angle.sin() + _rgb(images, cosine, 0.1) * angle.cos()


def _relief(images: Tensor, across: Colour, down: Colour) -> Tensor:
    """Coloured light from the side and from above."""
    dx = torch.tanh(4 * op.directional_derivative(images, 0.0))
    dy = torch.tanh(4 * op.directional_derivative(images, math.pi / 2))
    return dx * _rgb(images, across, 0.5) + dy * _rgb(images, down, 0.5)


def _texture(images: Tensor, fine: float, coarse: float) -> Tensor:
    """Sharpen or soften, finely and coarsely."""
    return fine * (images - op.blur(images, 1.0)) + coarse * (images - op.blur(images, 2.5))


def _shading(images: Tensor, across: float, down: float) -> Tensor:
    """Broad grey light from the side and from above."""
    dx = op.directional_derivative(images, 0.0, 2.0)
    dy = op.directional_derivative(images, math.pi / 2, 2.0)
    return torch.tanh(6 * dx) * 0.4 * across + torch.tanh(6 * dy) * 0.4 * down
