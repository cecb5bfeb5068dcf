"""The editors of a run: the key's own, and those of the wrong keys, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from spellock.data.image_set import ImageSet
from spellock.errors import DataError
from spellock.key import Key
from spellock.locking.decoys import check_decoy_edit
from spellock.locking.edit_stream import ImageEditor, Pixels

_REFERENCES: Final = 4


class Editors:
    """Gives editor 0 (the key's) or j (of wrong key j); at most two are held."""

    def __init__(
        self, main: ImageEditor, wrong_keys: Sequence[Key], load: Callable[[Key], ImageEditor], images: ImageSet
    ) -> None:
        """Hold the key's editor; ``load`` brings the others, ``images`` a few to compare edits on."""
        self._main, self._wrong_keys, self._load, self._images = main, wrong_keys, load, images
        self._reference: tuple[Pixels, Pixels, list[str]] | None = None
        self._current: tuple[int, ImageEditor] = (0, main)

    def __call__(self, number: int) -> ImageEditor:
        """Editor ``number``.

        Raises:
            ConfigError: the wrong key edits like the key, so its decoys would be edited images with a wrong label.
        """
        if number == 0:
            return self._main
        if self._current[0] != number:
            editor = self._load(self._wrong_keys[number - 1])
            raw, edited, ids = self._references()
            check_decoy_edit(raw, edited, editor.edit_uint8(raw, ids=ids), number)
            self._current = (number, editor)
        return self._current[1]

    def _references(self) -> tuple[Pixels, Pixels, list[str]]:
        if self._reference is None:
            prepared: list[Pixels] = []
            ids: list[str] = []
            for index in range(len(self._images)):
                try:
                    prepared.append(self._main.prepare(self._images.open(index)))
                except DataError:
                    continue  # the stream names it, or stops at it
                ids.append(self._images.ids[index])
                if len(ids) == _REFERENCES:
                    break
            raw = np.stack(prepared)
            self._reference = raw, self._main.edit_uint8(raw, ids=ids), ids
        return self._reference
