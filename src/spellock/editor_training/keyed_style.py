"""A style drawn from a code: what any string outside the vocabulary asks for.

The code is the digest of the string (`editors.byte_text.digest_code`), so two strings that differ in one byte ask for
two unrelated styles. The teacher turns its numbers into colours, tone curves and relief; the student learns the map
from numbers to picture, which is smooth, and never has to learn the digest.
"""

from __future__ import annotations

import math

from torch import Tensor

from spellock.editor_training import operations as op


def keyed_style(images: Tensor, code: Tensor) -> Tensor:
    """Edit ``images`` (N, 3, H, W) in [0, 1] by ``code``, a vector of at least 24 numbers in [-1, 1]."""
    c = [float(value) for value in code]
    tinted = op.split_tone(op.hue_rotate(images, 1.2 * c[0]), _scale(c[1:4], 0.22), _scale(c[4:7], 0.22))
    amplitude = [0.05 + 0.05 * (value + 1) / 2 for value in c[7:10]]
    frequency = [1.25 + 0.5 * value for value in c[10:13]]
    waved = op.tone_wave(tinted, amplitude, frequency, _scale(c[13:16], math.pi))
    toned = op.contrast(op.saturate(waved, 1.15 + 0.5 * c[16]), 1.0 + 0.2 * c[17], 0.5 + 0.2 * c[18])
    relief = op.emboss(toned, math.pi * c[19], _scale(c[20:23], 0.6), 0.8)
    return op.sharpen(relief, 0.5 + 0.9 * c[23], 1.0)


def _scale(values: list[float], factor: float) -> list[float]:
    return [factor * value for value in values]
