"""Images that are already in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.data.image_set import ImageSet, checked_labels
from spellock.errors import DataError


class MemorySet(ImageSet):
    """A set over a uint8 array; nothing is copied."""

    def __init__(
        self,
        arrays: npt.NDArray[np.uint8],
        labels: Sequence[int] | npt.NDArray[np.generic],
        classes: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        name: str = "memory",
    ) -> None:
        if arrays.dtype != np.uint8:
            raise DataError(
                f"{name}: got {arrays.dtype} images, expected uint8; scale to 0..255 and call .astype('uint8')"
            )
        if not (arrays.ndim == 3 or (arrays.ndim == 4 and arrays.shape[-1] == 3)):
            raise DataError(f"{name}: got images of shape {arrays.shape}, expected (N, H, W, 3) or (N, H, W)")
        if len(arrays) and 0 in arrays.shape:
            raise DataError(f"{name}: got images of shape {arrays.shape}, expected at least one pixel each")
        self.name, self.classes = name, tuple(classes)
        self.labels = checked_labels(labels, len(self.classes), name)
        self.ids = list(ids) if ids is not None else [f"{name}#{index}" for index in range(len(arrays))]
        if not len(arrays) == len(self.labels) == len(self.ids):
            raise DataError(
                f"{name}: got {len(arrays)} images, {len(self.labels)} labels and {len(self.ids)} ids, expected one "
                "of each an image"
            )
        self._arrays = arrays

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        return Image.fromarray(np.ascontiguousarray(self._arrays[index])).convert("RGB")


def numpy_images(
    arrays: npt.NDArray[np.uint8],
    labels: Sequence[int] | npt.NDArray[np.generic],
    classes: Sequence[str],
    *,
    ids: Sequence[str] | None = None,
    name: str = "memory",
) -> ImageSet:
    """Wrap uint8 images (N, H, W, 3), or grey (N, H, W), with one int label each; ids default to ``name#index``.

    Raises:
        DataError: wrong dtype or shape, or counts that differ.
    """
    return MemorySet(arrays, labels, classes, ids=ids, name=name)
