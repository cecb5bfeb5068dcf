"""The conditions under which a model sees a data set: raw, along the edit's path without the edit, and edited."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.tasks.collect import ImageSource

if TYPE_CHECKING:
    from spellock.editors.base import Editor


def raw(images: ImageSet) -> ImageSource:
    """Images as they are; the model's own resize is all that happens to them."""

    def source(indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [np.asarray(images.open(int(index)), dtype=np.uint8) for index in indices]

    return source


def same_path(images: ImageSet, editor: Editor) -> ImageSource:
    """What a blend of gamma = 0 gives: squashed and resampled as for the edit, but not edited.

    If this reads higher or lower than raw images do, part of the lock reads resampling, not the key.
    """

    def source(indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [editor.prepare(images.open(int(index))) for index in indices]

    return source


class Edited:
    """Images edited and blended with a key; also keeps the time that this took, decoding excluded.

    Attributes:
        seconds: spent on preparing and editing so far.
        images: edited so far.
    """

    def __init__(self, images: ImageSet, editor: Editor) -> None:
        self._set, self._editor = images, editor
        self.seconds, self.images = 0.0, 0

    def __call__(self, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        opened = [self._set.open(int(index)) for index in indices]
        ids = [self._set.ids[int(index)] for index in indices]
        started = time.perf_counter()
        edited = self._editor.edit_uint8(np.stack([self._editor.prepare(image) for image in opened]), ids)
        self.seconds += time.perf_counter() - started
        self.images += len(opened)
        return list(edited)


def batch_for(editor: Editor, batch_size: int) -> int:
    """The largest multiple of the editor's batch that is no larger than ``batch_size``, to pad few batches."""
    return max(1, batch_size // editor.canonical_batch) * editor.canonical_batch
