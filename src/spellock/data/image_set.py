"""A labelled set of images, whatever it is stored in; images are decoded only when they are asked for."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.errors import DataError

Indices: TypeAlias = Sequence[int] | npt.NDArray[np.int64]
Labels: TypeAlias = npt.NDArray[np.int64]
OnError: TypeAlias = Literal["fail", "skip"]
ON_ERROR: Final = ("fail", "skip")
#: How to go on without what is bad, in messages to people who write Python or a command.
SKIP: Final = 'on_error="skip" (--on-error skip)'

_log = logging.getLogger(__name__)


class ImageSet(ABC):
    """Images with their labels.

    Attributes:
        name: what to call the set in messages.
        classes: class names; label k is ``classes[k]``.
        ids: one stable and unique name an image (a path inside the folder, or a row); it never depends on the order of
        reading.
        labels: int64 (N,), each in [0, len(classes)); or of a multi-label set int64 (N, K), 1 for each class that an
            image has and 0 for the others.
        task: name of the task that the labels are for.
        patients: whom each image is of, where several may be of the same; None where nobody says. Such images belong
            into one split together.
        on_error: what `decoded` does with an image that cannot be decoded; `open` always raises.
    """

    name: str
    classes: tuple[str, ...]
    ids: list[str]
    labels: Labels
    task: str = "classification"
    patients: Sequence[str] | None = None
    on_error: OnError = "fail"

    def __len__(self) -> int:
        return len(self.ids)

    @abstractmethod
    def open(self, index: int) -> Image.Image:
        """Decode image ``index`` to RGB; safe to call from several threads.

        Raises:
            DataError: the image cannot be decoded; the message names it.
        """

    def decoded(self) -> Iterator[tuple[int, Image.Image]]:
        """Yield (index, RGB image) in order; broken images are named in the log and left out when ``on_error`` is
        "skip".

        Raises:
            DataError: an image cannot be decoded and ``on_error`` is "fail".
        """
        for index in range(len(self)):
            try:
                image = self.open(index)
            except DataError as error:
                if self.on_error == "fail":
                    raise
                _log.warning("skipped: %s", error)
                continue
            yield index, image

    def readable(self) -> ImageSet:
        """Decode every image once and return the subset of those that can be decoded (all, or an error, when
        ``on_error`` is "fail")."""
        return self.subset([index for index, _ in self.decoded()])

    def subset(self, indices: Indices) -> ImageSet:
        """Return the images at ``indices``, in that order, with the same classes."""
        return Subset(self, indices)


class Subset(ImageSet):
    """Some images of another set."""

    def __init__(self, whole: ImageSet, indices: Indices) -> None:
        self._whole, self._indices = whole, np.asarray(indices, dtype=np.int64)
        if self._indices.size and not (self._indices.min() >= 0 and self._indices.max() < len(whole)):
            raise DataError(
                f"{whole.name}: a subset asks for image {self._indices.max()} of {len(whole)}; use 0 to "
                f"{len(whole) - 1}"
            )
        self.name, self.classes, self.on_error = whole.name, whole.classes, whole.on_error
        self.ids = [whole.ids[index] for index in self._indices]
        self.labels, self.task = whole.labels[self._indices], whole.task
        if whole.patients is not None:
            self.patients = [whole.patients[index] for index in self._indices]

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        return self._whole.open(int(self._indices[index]))


def checked_labels(labels: Sequence[int] | npt.NDArray[np.generic], count: int, name: str) -> Labels:
    """Return labels as int64 after checking that each is one of ``count`` classes.

    Raises:
        DataError: a label is out of range, as -1 for "unknown" is, or no whole number.
    """
    try:
        with np.errstate(invalid="ignore"):  # NaN is named below
            array = np.asarray(labels, dtype=np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{name}: labels cannot be read ({error}), expected one class number an image") from error
    if not np.array_equal(array, labels):
        raise DataError(f"{name}: labels are not whole numbers, expected one class number an image")
    if array.ndim != 1:
        raise DataError(f"{name}: labels have shape {array.shape}, expected one integer an image")
    if array.size and not (array.min() >= 0 and array.max() < count):
        raise DataError(
            f"{name}: labels range from {array.min()} to {array.max()}, expected 0 to {count - 1}; is this an "
            "unlabelled split?"
        )
    return array


def check_trainable(images: ImageSet) -> None:
    """Check that a classifier can be trained on ``images``.

    Raises:
        DataError: no images, one class only, fewer images than classes, or a class without images.
    """
    size, classes = len(images), len(images.classes)
    if not size:
        raise DataError(f"{images.name} holds no images; expected at least two classes with images")
    if classes < 2:
        only = repr(images.classes[0]) if classes else "none"
        raise DataError(
            f"{images.name} has one class only ({only}), expected two or more; put each class in its own sub-folder"
        )
    if size < classes:
        raise DataError(
            f"{images.name} has {size} images for {classes} classes, expected at least one image a class; add images "
            "or drop classes"
        )
    counts = np.bincount(images.labels, minlength=classes)
    empty = [images.classes[index] for index in np.flatnonzero(counts == 0)]
    if empty:
        shown = ", ".join(repr(name) for name in empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise DataError(f"{images.name} has no images of class {shown}; add images or remove the class")
