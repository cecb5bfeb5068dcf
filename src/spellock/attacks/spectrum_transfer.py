"""Spectrum transfer: raw images take the mean image and the mean power spectrum of leaked edited ones. No pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import raw_and_edited, through
from spellock.attacks.view import AttackerView
from spellock.editors.spectrum import SpectrumMatch


@register_attack("spectrum-transfer")
@dataclass(frozen=True, kw_only=True)
class SpectrumTransfer(Attack):
    """`spellock.editors.spectrum.SpectrumMatch`, its powers those of the leaked images and of the thief's own.

    It undoes edits that blur, sharpen, add texture or a fixed pattern.

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
        change = SpectrumMatch.of(raw, edited, radial=self.detail == "radial")
        return [through(view, change, side=edited.shape[-1])]
