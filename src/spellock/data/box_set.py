"""Image files with the objects in each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from spellock.data.annotation import DETECTION, Annotation, Size, as_labels
from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import SKIP, ImageSet, OnError
from spellock.errors import DataError

_log = logging.getLogger(__name__)


class BoxSet(ImageSet):
    """Images with boxes, and perhaps masks; ``labels`` is an object array (N,) of `Annotation`.

    Args:
        name: what to call the set in messages.
        annotations: one an image, whose ids are the images' names.
        classes: the categories.
        read: opens image ``index``.
    """

    task = DETECTION

    def __init__(
        self,
        name: str,
        annotations: Sequence[Annotation],
        classes: Sequence[str],
        read: Callable[[int], Image.Image],
        *,
        on_error: OnError = "fail",
    ) -> None:
        self.name, self.classes, self.on_error = name, tuple(classes), on_error
        self.ids = [one.id for one in annotations]
        self.labels = as_labels(annotations)
        self._read = read

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`; an image of another size than its annotations say is refused."""
        image, size = self._read(index), self.labels[index].size
        if (image.height, image.width) != size:
            raise DataError(
                f"{self.ids[index]} is {image.width}x{image.height} pixels, but its annotations were made for "
                f"{size[1]}x{size[0]}; its boxes would be in the wrong places"
            )
        return image


def has_masks(images: ImageSet) -> bool:
    """Whether every image's objects have masks."""
    return all(one.masks is not None for one in images.labels)


def squashed(images: ImageSet, size: Size, how: Image.Resampling) -> ImageSet:
    """The same images and ids squashed to ``size`` (height, width) with the filter ``how``, and their objects."""

    def read(index: int) -> Image.Image:
        return images.open(index).resize(size[::-1], how)

    made = [one.scaled(size) for one in images.labels]
    return BoxSet(images.name, made, images.classes, read, on_error=images.on_error)


def only_categories(images: ImageSet, wanted: Collection[str]) -> ImageSet:
    """``images`` with the ``wanted`` of their categories, in their own order, and the objects of these; what is left
    out is named in the log. The same set where nothing is."""
    kept = [place for place, name in enumerate(images.classes) if name in wanted]
    if len(kept) == len(images.classes):
        return images
    numbers = np.full(len(images.classes), -1, dtype=np.int64)
    numbers[kept] = np.arange(len(kept))
    dropped = [name for name in images.classes if name not in wanted]
    shown = ", ".join(map(repr, dropped[:5])) + (f" and {len(dropped) - 5} more" if len(dropped) > 5 else "")
    count = sum(int((numbers[one.labels] < 0).sum()) for one in images.labels)
    _log.warning("skipped: %s: the categories %s with %d objects", images.name, shown, count)
    made = [
        replace(some, labels=numbers[some.labels])
        for some in (one.chosen(numbers[one.labels] >= 0) for one in images.labels)
    ]
    names = [images.classes[place] for place in kept]
    return BoxSet(images.name, made, names, images.open, on_error=images.on_error)


def categories_with_objects(images: ImageSet) -> list[str]:
    """Names of the categories that objects other than crowds have."""
    counts = np.zeros(len(images.classes), dtype=np.int64)
    for one in images.labels:
        np.add.at(counts, one.labels[~one.crowd], 1)
    return [name for name, count in zip(images.classes, counts, strict=True) if count]


def file_reader(files: Sequence[Path], *, max_pixels: int = MAX_PIXELS) -> Callable[[int], Image.Image]:
    """Opens file number ``index``."""

    def read(index: int) -> Image.Image:
        return decode_image(files[index], name=str(files[index]), max_pixels=max_pixels)

    return read


def check_box_set(images: ImageSet) -> None:
    """Check that a detector can be trained on ``images``.

    Raises:
        DataError: fewer than two images, no category, a category without objects, or no object at all.
    """
    if images.task != DETECTION:
        raise DataError(f"{images.name} has no boxes, expected COCO json, Pascal VOC or targets of boxes")
    if len(images) < 2:
        raise DataError(f"{images.name} holds {len(images)} images, expected at least two")
    used = categories_with_objects(images)
    empty = [name for name in images.classes if name not in used]
    if empty:
        shown = ", ".join(repr(name) for name in empty[:5])
        raise DataError(
            f"{images.name} has no object of {shown}; add images, drop the category, or skip such ones with {SKIP}"
        )
    if not images.classes:
        raise DataError(f"{images.name} has no categories, expected at least one with objects")
