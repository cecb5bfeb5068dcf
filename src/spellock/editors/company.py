"""Editors in company: those that run the same networks share a batch, in which each image has an editor of its own.

Hundreds of wrong keys edit a few images each; one after the other they would mostly compute padding.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from spellock.editors.base import Editor
from spellock.errors import PixelError


class EditsBytes(Protocol):
    """Anything that edits as `Editor.edit_uint8` does."""

    def edit_uint8(self, images: NDArray[np.uint8], /, ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """uint8 (N, R, R, 3) to uint8 (N, R, R, 3)."""


class SociableEditor(Editor):
    """An editor that can share a batch with others of its kind."""

    @abstractmethod
    def company(self) -> Hashable:
        """Equal for editors that one batch can hold: they run the same kernels on the same weights."""

    @abstractmethod
    def transform_each(self, editors: Sequence[Any], images: Tensor, ids: Sequence[str]) -> Tensor:
        """`transform` of image i with ``ids[i]`` under ``editors[i]``, all of this one's company; (B, 3, R, R).

        Every image gets the bits that it gets in a batch of the same size under its own editor.
        """


def company_of(editor: object) -> Hashable | None:
    """Editors of equal company can edit in one batch; None: this one edits alone."""
    return editor.company() if isinstance(editor, SociableEditor) else None


def edit_each(
    editors: Sequence[EditsBytes], images: NDArray[np.uint8], ids: Sequence[str] | None = None
) -> NDArray[np.uint8]:
    """Edit image i under ``editors[i]``; every byte is that of the image edited alone.

    Args:
        editors: one for each image, all the same one or all of one company.
        images: uint8 (N, R, R, 3).
        ids: one name per image, where the editors need them.

    Returns:
        uint8 (N, R, R, 3).

    Raises:
        PixelError: there are not as many editors as images, or what `Editor.edit_uint8` raises.
        ValueError: the editors are not of one company.
    """
    if len(editors) != len(images):
        raise PixelError(
            f"images to edit: got {len(editors)} editors for {len(images)} images, expected one editor per image"
        )
    if all(editor is editors[0] for editor in editors):
        return editors[0].edit_uint8(images, ids) if editors else images.copy()
    crew = [editor for editor in editors if isinstance(editor, SociableEditor)]
    if len(crew) < len(editors) or len({editor.company() for editor in crew}) > 1:
        raise ValueError("these editors do not run the same networks; edit with them one after the other")
    return _Company(crew, ids).edit_uint8(images, [str(place) for place in range(len(images))])


class _Company(Editor):
    """Several editors as one, for one call: an image's name is the place of its editor."""

    def __init__(self, editors: Sequence[SociableEditor], ids: Sequence[str] | None) -> None:
        lead = editors[0]
        if ids is None and lead.needs_ids:
            raise PixelError("images to edit: got no ids, but these keys draw noise per image; pass one id per image")
        if ids is not None and len(ids) != len(editors):
            raise PixelError(f"images to edit: got {len(ids)} ids for {len(editors)} images, expected one id per image")
        self.canonical_batch = lead.canonical_batch
        super().__init__(lead.key)
        self._batches = lead._batches  # what it found of sizes holds for all
        self._lead, self._editors, self._ids = lead, editors, ids

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        places = [int(place) for place in ids]
        names = ["" if self._ids is None else self._ids[place] for place in places]
        return self._lead.transform_each([self._editors[place] for place in places], images, names)
