"""Labels of multi-label images: a row of zeros and ones an image."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.data.image_set import ImageSet, Labels
from spellock.errors import DataError

#: Name of the task, as in a model's config.json.
MULTILABEL: Final = "multilabel"


def checked_vectors(labels: object, count: int, name: str) -> Labels:
    """Return labels as int64 (N, count) after checking that each is 0 or 1.

    Raises:
        DataError: another shape, or a value that is neither (NaN, -1 for "uncertain", probabilities).
    """
    try:
        array = np.asarray(labels)
    except ValueError as error:
        raise DataError(f"{name}: label rows have different lengths, expected {count} zeros or ones each") from error
    if array.ndim != 2 or array.shape[1] != count:
        raise DataError(f"{name}: labels have shape {array.shape}, expected {count} zeros or ones an image")
    if not (array.dtype == np.bool_ or np.issubdtype(array.dtype, np.number)):
        raise DataError(f"{name}: labels are {array.dtype}, expected zeros and ones")
    wrong = np.argwhere(~np.isin(array, (0, 1)))
    if len(wrong):
        row, column = wrong[0]
        raise DataError(
            f"{name}: {len(wrong)} labels are neither 0 nor 1, first {array[row, column]} of image {row}; decide what "
            "uncertain labels count as, or leave those images out"
        )
    return array.astype(np.int64)


def vectors(positives: Iterable[Sequence[int]], count: int) -> Labels:
    """int64 (N, count) from the numbers of the classes that each image has."""
    rows = list(positives)
    made = np.zeros((len(rows), count), dtype=np.int64)
    for row, places in zip(made, rows, strict=True):
        row[list(places)] = 1
    return made


class MemoryVectors(ImageSet):
    """A multi-label set over a uint8 array; nothing is copied."""

    task = MULTILABEL

    def __init__(
        self,
        arrays: npt.NDArray[np.uint8],
        labels: object,
        classes: Sequence[str],
        *,
        patients: Sequence[str] | None,
        ids: Sequence[str] | None,
        name: str,
    ) -> None:
        if arrays.dtype != np.uint8 or not (arrays.ndim == 3 or (arrays.ndim == 4 and arrays.shape[-1] == 3)):
            raise DataError(
                f"{name}: got {arrays.dtype} images of shape {arrays.shape}, expected uint8 (N, H, W, 3) or (N, H, W)"
            )
        self.name, self.classes = name, tuple(classes)
        self.labels = checked_vectors(labels, len(self.classes), name)
        self.ids = list(ids) if ids is not None else [f"{name}#{index}" for index in range(len(arrays))]
        self.patients = None if patients is None else [str(patient) for patient in patients]
        told = len(arrays) if self.patients is None else len(self.patients)
        if not len(arrays) == len(self.labels) == len(self.ids) == told:
            raise DataError(f"{name}: got {len(arrays)} images and {len(self.labels)} label rows, expected one each")
        self._arrays = arrays

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        return Image.fromarray(np.ascontiguousarray(self._arrays[index])).convert("RGB")


def numpy_vectors(
    arrays: npt.NDArray[np.uint8],
    labels: object,
    classes: Sequence[str],
    *,
    patients: Sequence[str] | None = None,
    ids: Sequence[str] | None = None,
    name: str = "memory",
) -> ImageSet:
    """Wrap uint8 images (N, H, W, 3), or grey (N, H, W), with zeros and ones (N, K); ids default to ``name#index``.

    Raises:
        DataError: wrong dtype, shape or values, or counts that differ.
    """
    return MemoryVectors(arrays, labels, classes, patients=patients, ids=ids, name=name)
