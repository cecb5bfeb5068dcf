"""The weave read off leaked edited images: the thief knows how tiles are laid, and averages all repetitions of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from spellock.attacks.checks import held
from spellock.attacks.public_editor import PublicEditor
from spellock.attacks.view import AttackerView, floats
from spellock.editors.base import Editor
from spellock.editors.weave import CELLS, cells


def leaked_weave(view: AttackerView) -> Tensor | None:
    """The weave as it lies on edited images, float32 (3, R, R), of the public strength; None where keys have none.

    Tile cell c = mean of (x' - x) / blend over all pixels of the cell in all pairs, less the channel's mean; of x' /
    blend where the raw versions did not leak. Photographs have next to no power at so short a wavelength.
    """
    strength = float(held(view.editor).settings.get("weave", 0.0) or 0.0)
    if not strength:
        return None
    edited, gamma = floats(held(view.edited)), held(view.editor).gamma
    laid = edited if view.edited_raw is None else edited - floats(view.edited_raw)
    side = laid.shape[-1]
    rows = cells(side)
    members = torch.nn.functional.one_hot(rows, CELLS).float()
    members = members / members.sum(0).clamp_min(1)
    tile = torch.einsum("crs,ri,sj->cij", laid.mean(0) / gamma, members, members)
    tile = tile - tile.mean((1, 2), keepdim=True)
    tile = strength * tile / tile.square().mean().sqrt().clamp_min(1e-8)
    return tile[:, rows][:, :, rows].contiguous()


def with_weave(editor: PublicEditor, weave: Tensor | None) -> PublicEditor:
    """The same public editor, with ``weave`` on top of every edit of its keys."""
    if weave is None:
        return editor
    return replace(editor, make=lambda key: Woven(editor.make(key), weave))


class Woven(Editor):
    """clamp(G(x) + weave) in the place of another editor's G(x)."""

    def __init__(self, inner: Editor, weave: Tensor) -> None:
        self.canonical_batch, self.needs_ids = inner.canonical_batch, inner.needs_ids
        super().__init__(inner.key)
        self._inner, self._weave = inner, weave

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """See `Editor`."""
        return (self._inner.transform(images, ids) + self._weave).clamp(0, 1)
