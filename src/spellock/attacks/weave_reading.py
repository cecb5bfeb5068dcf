"""Weave reading: the secret's tile read off leaked edited images, and laid on raw ones. No gradient, no guessing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import torch
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held
from spellock.attacks.guessing import own_secret
from spellock.attacks.levels import Asset
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import through
from spellock.attacks.view import AttackerView
from spellock.attacks.woven import Woven, leaked_weave
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.pixels import from_uint8, to_uint8


@register_attack("weave-reading")
@dataclass(frozen=True, kw_only=True)
class WeaveReading(Attack):
    """T(x) = (1 - gamma) x + gamma clamp(G(x) + W), W the tile that all leaked images have in common.

    G(x) is x itself, or the public editor's edit where the thief knows the prompt. So it says what the tile alone is
    worth, and what the tile and the prompt are worth without the string that the secret puts behind the prompt.
    ``agreement`` tells the thief how far to trust W: the correlation of the tiles that both halves of the leaked images
    give, near 0 where nothing but chance was read.

    Attributes:
        pairs: with the raw versions of the leaked images, whose own pattern then drops out.
        prompt: the key prompt, where the thief knows it.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "unpaired": MappingProxyType({"pairs": False})}
    )
    pairs: bool = True
    prompt: str = ""

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        leaked = Asset.PAIRS if self.pairs else Asset.EDITED
        return frozenset({Asset.QUERIES, Asset.UNLABELLED, Asset.EDITOR, leaked})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`.

        Raises:
            ConfigError: keys of the public editor have no weave.
        """
        check_needs(view, self.needs)
        view = view if self.pairs else replace(view, edited_raw=None)
        weave, editor = leaked_weave(view), held(view.editor)
        if weave is None:
            raise ConfigError("keys of this editor have no weave, expected one to read; try translator instead")
        change = self._under(weave, editor, view.seed)
        found: dict[str, Scalar] = {"read from": len(held(view.edited))}
        if (agreement := halves_agree(view)) is not None:
            found["agreement"] = round(agreement, 3)
        return [through(view, change, side=editor.resolution, found=found)]

    def _under(self, weave: Tensor, editor: PublicEditor, seed: int) -> _Laid | _Painted:
        if not self.prompt:
            return _Laid(weave=weave, gamma=editor.gamma)
        return _Painted(Woven(editor.load(editor.bare(self.prompt, own_secret(seed))), weave))


def halves_agree(view: AttackerView) -> float | None:
    """Correlation of the tiles read off every other leaked image and off the rest, in [-1, 1]; None for one image."""
    edited, raw = held(view.edited), view.edited_raw
    if len(edited) < 2:
        return None
    tiles = []
    for start in (0, 1):
        half = replace(
            view, edited=edited[start::2].contiguous(), edited_raw=None if raw is None else raw[start::2].contiguous()
        )
        tiles.append(held(leaked_weave(half)).flatten())
    value = float(torch.corrcoef(torch.stack(tiles))[0, 1])
    return value if value == value else 0.0  # a tile of nothing agrees with nothing


@dataclass(frozen=True)
class _Laid:
    """The tile on the image itself."""

    weave: Tensor
    gamma: float

    def __call__(self, images: Tensor) -> Tensor:
        return (1 - self.gamma) * images + self.gamma * (images + self.weave).clamp(0, 1)


@dataclass(frozen=True)
class _Painted:
    """The tile on the public editor's edit, blended and rounded as its keys do."""

    editor: Woven

    def __call__(self, images: Tensor) -> Tensor:
        rounded = from_uint8(to_uint8(images))
        return self.editor(rounded, [f"guess#{place}" for place in range(len(rounded))])
