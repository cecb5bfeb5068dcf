"""The spectrum of images: what edits leave in it that blur, sharpen, add texture or a fixed pattern."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_SMALLEST = 1e-8


def rings_of(side: int) -> Tensor:
    """The ring of each place of ``rfft2`` of a square of ``side`` pixels: int64 (side * (side // 2 + 1),); 0: mean."""
    rows = torch.fft.fftfreq(side)[:, None] * side
    columns = torch.fft.rfftfreq(side)[None, :] * side
    rings: Tensor = (rows.square() + columns.square()).sqrt().round().long().flatten()
    return rings


@dataclass(frozen=True, kw_only=True)
class SpectrumMatch:
    """X'(f) = (X(f) - mean_raw(f)) sqrt(P_edited(f) / P_raw(f)) + mean_edited(f), f a frequency of a colour channel.

    P is the power around the mean image. A pattern that all edits have is the difference of the mean images.

    Attributes:
        before: float32 (1, 3, R, R), the mean raw image, and ``after`` the mean edited one.
        gain: float32 (3, R, R // 2 + 1), what each frequency is multiplied with.
    """

    before: Tensor
    after: Tensor
    gain: Tensor

    @classmethod
    def of(cls, raw: Tensor, edited: Tensor, *, radial: bool = True) -> SpectrumMatch:
        """From float32 (M, 3, R, R) and (N, 3, R, R); ``radial`` averages powers over frequencies of one wavelength,
        for few images."""
        before, after = raw.mean(0, keepdim=True), edited.mean(0, keepdim=True)
        power, wanted = _power(raw - before, radial=radial), _power(edited - after, radial=radial)
        return cls(before=before, after=after, gain=(wanted / power.clamp_min(_SMALLEST)).sqrt())

    def __call__(self, images: Tensor) -> Tensor:
        """float32 (B, 3, R, R) to the same shape, which may leave [0, 1]."""
        side = images.shape[-1]
        around = torch.fft.rfft2(images - self.before)
        changed: Tensor = torch.fft.irfft2(around * self.gain, s=(side, side)) + self.after
        return changed


def _power(around: Tensor, *, radial: bool) -> Tensor:
    """Mean power (3, R, R // 2 + 1) of images less their mean, which takes one of them."""
    power = torch.fft.rfft2(around).abs().square().sum(0) / max(1, len(around) - 1)
    return _ring_means(power) if radial else power


def _ring_means(power: Tensor) -> Tensor:
    rings = rings_of(power.shape[-2])
    flat = power.flatten(1)
    sums = torch.zeros(3, int(rings.max()) + 1).index_add_(1, rings, flat)
    means: Tensor = (sums / torch.bincount(rings).clamp_min(1))[:, rings]
    return means.view_as(power)
