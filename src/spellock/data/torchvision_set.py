"""torchvision data sets, and any sequence of (Pillow image, label)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, SupportsIndex, runtime_checkable

import numpy as np
from PIL import Image

from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError, checked_labels
from spellock.errors import DataError

#: What is higher is no class number.
_HIGHEST: Final = 1_000_000


@runtime_checkable
class Pairs(Protocol):
    """What torchvision calls a map-style data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...


class TorchvisionSet(ImageSet):
    """A data set object whose items are (image, int); ids are ``<class name>#<index>``."""

    def __init__(self, pairs: Pairs, *, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS) -> None:
        """Take labels and class names from the object's attributes; only objects without them are read through once.

        Raises:
            DataError: the set is empty or its labels are not one integer an image.
        """
        self._pairs, self.on_error, self._max_pixels = pairs, on_error, max_pixels
        self.name = type(pairs).__name__
        if not len(pairs):
            raise DataError(f"{self.name} holds no images; expected pairs of image and label")
        try:
            labels = np.asarray(_labels(pairs), dtype=np.int64)
        except (TypeError, ValueError, OverflowError) as error:
            raise DataError(
                f"{self.name}: labels are not one integer an image; this task needs class numbers from 0"
            ) from error
        names = _class_names(pairs)
        if not names and labels.max(initial=0) > _HIGHEST:
            raise DataError(f"{self.name}: the largest label is {labels.max()}, expected class numbers from 0")
        self.classes = tuple(names) if names else tuple(str(label) for label in range(int(labels.max(initial=-1)) + 1))
        self.labels = checked_labels(labels, len(self.classes), self.name)
        if len(self.labels) != len(pairs):
            raise DataError(
                f"{self.name} has {len(pairs)} items but {len(self.labels)} labels; its 'targets' must match its items"
            )
        self.ids = [f"{self.name}#{index}" for index in range(len(pairs))]

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        name = self.ids[index]
        try:
            image = _pair(self._pairs[index], self.name)[0]
        except DataError:
            raise
        except Exception as error:  # whatever the foreign data set raises on a broken file
            raise DataError(
                f"{name} cannot be read ({error}); remove it, fetch it again, or skip such images"
            ) from error
        if isinstance(image, np.ndarray) and image.dtype == np.uint8:
            image = Image.fromarray(image)
        if not isinstance(image, Image.Image):
            raise DataError(
                f"{name} is a {type(image).__name__}, expected a Pillow image; make the data set without a transform"
            )
        return decode_image(image, name=name, max_pixels=self._max_pixels)


def _pair(item: object, name: str) -> tuple[object, object]:
    if not isinstance(item, Sequence) or len(item) != 2:
        raise DataError(f"{name} yields {type(item).__name__}, expected pairs of image and label")
    return item[0], item[1]


def _labels(pairs: object) -> Sequence[int]:
    inner, indices = getattr(pairs, "dataset", None), getattr(pairs, "indices", None)
    if inner is not None and indices is not None:  # torch.utils.data.Subset
        whole = _labels(inner)
        return [int(whole[index]) for index in indices]
    for attribute in ("targets", "labels", "_labels"):
        found = getattr(pairs, attribute, None)
        if found is not None and len(found):
            return [_whole(label) for label in found]
    if not isinstance(pairs, Pairs):
        raise TypeError("not a sequence")
    return [_integer(_pair(pairs[index], type(pairs).__name__)[1]) for index in range(len(pairs))]


def _whole(label: Any) -> int:
    value = int(label)
    if not isinstance(label, str) and value != label:
        raise ValueError("not a whole number")
    return value


def _integer(label: object) -> int:
    if not isinstance(label, SupportsIndex):
        raise TypeError("not an integer")
    return int(label)


def _class_names(pairs: object) -> Sequence[str] | None:
    names = getattr(pairs, "classes", None)
    if names is None and getattr(pairs, "indices", None) is not None:
        return _class_names(getattr(pairs, "dataset", None))
    # ImageNet's names are tuples of synonyms.
    return None if names is None else [name[0] if isinstance(name, tuple) else str(name) for name in names]
