"""Image files with the objects in each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from spellock.data.annotation import DETECTION, Annotation, Size, as_labels
from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError
from spellock.errors import DataError


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
    counts = np.zeros(len(images.classes), dtype=np.int64)
    for one in images.labels:
        np.add.at(counts, one.labels[~one.crowd], 1)
    empty = [name for name, count in zip(images.classes, counts, strict=True) if not count]
    if empty:
        shown = ", ".join(repr(name) for name in empty[:5])
        raise DataError(f"{images.name} has no object of {shown}; add images or drop the category")
    if not len(counts):
        raise DataError(f"{images.name} has no categories, expected at least one with objects")
