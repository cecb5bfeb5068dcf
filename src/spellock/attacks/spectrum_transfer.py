"""Spectrum transfer: raw images take the mean image and the mean power spectrum of leaked edited ones. No pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of
from spellock.attacks.levels import Asset
from spellock.attacks.radial import rings_of
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import raw_and_edited, through
from spellock.attacks.view import AttackerView


@register_attack("spectrum-transfer")
@dataclass(frozen=True, kw_only=True)
class SpectrumTransfer(Attack):
    """X'(f) = (X(f) - mean_raw(f)) sqrt(P_edited(f) / P_raw(f)) + mean_edited(f), f a frequency of a colour channel.

    P is the power around the mean image. It undoes edits that blur, sharpen, add texture or a fixed pattern: a pattern
    is the difference of the mean images.

    Attributes:
        detail: ``radial`` averages powers over frequencies of one wavelength, for few leaked images; ``full`` does not.
    """

    detail: str = "radial"

    def __post_init__(self) -> None:
        one_of("detail", self.detail, ("radial", "full"))

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITED})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        raw, edited = raw_and_edited(view)
        side = edited.shape[-1]
        raw_mean, mean = raw.mean(0, keepdim=True), edited.mean(0, keepdim=True)
        gain = (self._power(edited - mean) / self._power(raw - raw_mean).clamp_min(1e-8)).sqrt()

        def change(images: Tensor) -> Tensor:
            around = torch.fft.rfft2(images - raw_mean)
            changed: Tensor = torch.fft.irfft2(around * gain, s=(side, side)) + mean
            return changed

        return [through(view, change, side=side)]

    def _power(self, images: Tensor) -> Tensor:
        """Mean power (3, R, R // 2 + 1) around the mean of these ``images``, which takes one of them."""
        power = torch.fft.rfft2(images).abs().square().sum(0) / max(1, len(images) - 1)
        return power if self.detail == "full" else _ring_means(power)


def _ring_means(power: Tensor) -> Tensor:
    rings = rings_of(power.shape[-2])
    flat = power.flatten(1)
    sums = torch.zeros(3, int(rings.max()) + 1).index_add_(1, rings, flat)
    means: Tensor = (sums / torch.bincount(rings).clamp_min(1))[:, rings]
    return means.view_as(power)
