"""Editors in a row, each with its own blend: what the compose editor is, and what a thief makes of its parts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from spellock.editors.base import Editor
from spellock.key import Key


class Row(Editor):
    """G(x) = the last part's edit of ... of the first part's edit of x, each with its own gamma, rounded to bytes.

    Attributes:
        parts: the editors, first one first.

    Args:
        key: of the whole row.
        batch_size: see `Editor`.
    """

    def __init__(self, key: Key, parts: Sequence[Editor], *, batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.parts = parts
        self.needs_ids = any(part.needs_ids for part in parts)
        self.moves_pixels = any(part.moves_pixels for part in parts)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x): float32 (B, 3, R, R) in [0, 1]."""
        for part in self.parts:
            images = part(images, ids)
        return images

    def transform_all(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of any number of images; every part cuts its own canonical batches."""
        return self.transform(images, ids)
