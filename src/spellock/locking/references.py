"""A few images of the set, raw and edited with the key: what other edits are compared with."""

from __future__ import annotations

import numpy as np

from spellock.data.image_set import ImageSet
from spellock.errors import DataError
from spellock.locking.image_editor import ImageEditor, Pixels


class References:
    """The first images that can be decoded; they are edited when they are first asked for."""

    def __init__(self, editor: ImageEditor, images: ImageSet) -> None:
        self._editor, self._images = editor, images
        self._next = 0
        self._raw: list[Pixels] = []
        self._edited: list[Pixels] = []
        self._ids: list[str] = []

    def __call__(self, count: int) -> tuple[Pixels, Pixels, list[str]]:
        """``count`` images, or all where there are fewer: raw and edited uint8 (N, R, R, 3), and their ids.

        Raises:
            DataError: none of the images can be decoded.
        """
        known = len(self._ids)
        while len(self._ids) < count and self._next < len(self._images):
            place, self._next = self._next, self._next + 1
            try:
                self._raw.append(self._editor.prepare(self._images.open(place)))
            except DataError:
                continue  # the stream names it, or stops at it
            self._ids.append(self._images.ids[place])
        if not self._ids:
            raise DataError(f"{self._images.name}: none of the images can be decoded; check the files")
        if fresh := self._raw[known:]:
            self._edited += list(self._editor.edit_uint8(np.stack(fresh), ids=self._ids[known:]))
        return np.stack(self._raw[:count]), np.stack(self._edited[:count]), self._ids[:count]
