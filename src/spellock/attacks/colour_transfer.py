"""Colour transfer (Reinhard et al. 2001): raw images take the colours of leaked edited ones. Needs no pairs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import raw_and_edited, through
from spellock.attacks.view import AttackerView

#: RGB to the opponent space of the paper: a lightness, blue against yellow, red against green; orthogonal.
_OPPONENT = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, -2.0], [1.0, -1.0, 0.0]])
_SPACE = _OPPONENT / _OPPONENT.norm(dim=1, keepdim=True)
_SMALLEST = 1e-4


@register_attack("colour-transfer")
@dataclass(frozen=True, kw_only=True)
class ColourTransfer(Attack):
    """c' = (c - mean_raw) deviation_edited / deviation_raw + mean_edited, for each channel of an opponent colour space.

    The space is the rotation of the paper's last step, applied to RGB itself: the logarithms before it make dark pixels
    of small images explode. Statistics are of all images together, so that each keeps what sets it apart.
    """

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITED})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        raw, edited = raw_and_edited(view)
        side = edited.shape[-1]
        (raw_mean, raw_spread), (mean, spread) = _statistics(raw), _statistics(edited)

        def change(images: Tensor) -> Tensor:
            turned = torch.einsum("kc,nchw->nkhw", _SPACE, images)
            moved = (turned - raw_mean) * (spread / raw_spread.clamp_min(_SMALLEST)) + mean
            return torch.einsum("kc,nkhw->nchw", _SPACE, moved)

        return [through(view, change, side=side)]


def _statistics(images: Tensor) -> tuple[Tensor, Tensor]:
    turned = torch.einsum("kc,nchw->nkhw", _SPACE, images)
    return turned.mean((0, 2, 3)).view(1, 3, 1, 1), turned.std((0, 2, 3)).view(1, 3, 1, 1)
