"""The objects of one image: boxes, categories and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels
from spellock.data.polygons import Mask, as_rle
from spellock.data.rle import BoolMask, from_text
from spellock.errors import DataError

DETECTION: Final = "detection"
Boxes = npt.NDArray[np.float32]
Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Annotation:
    """What is in one image.

    Attributes:
        id: name of the image.
        size: its height and width in pixels.
        boxes: float32 (M, 4), left, top, right and bottom in pixels from the upper left corner of the image.
        labels: int64 (M,), a category each, from 0.
        masks: one an object, decoded when asked for; None where the set has boxes only.
        crowd: bool (M,): areas of many objects, which are neither trained on nor counted.

    Raises:
        DataError: the numbers of boxes, labels and masks differ, or a mask is of another size.
    """

    id: str
    size: Size
    boxes: Boxes
    labels: npt.NDArray[np.int64]
    masks: tuple[Mask, ...] | None = None
    crowd: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        count = len(self.labels)
        if not len(self.crowd):
            object.__setattr__(self, "crowd", np.zeros(count, dtype=np.bool_))
        if self.boxes.shape != (count, 4) or len(self.crowd) != count:
            raise DataError(f"{self.id}: got boxes of shape {self.boxes.shape} for {count} labels, expected one each")
        if self.masks is not None and len(self.masks) != count:
            raise DataError(f"{self.id}: got {len(self.masks)} masks for {count} boxes, expected one each")
        if self.masks is not None and any(mask.size != self.size for mask in self.masks):
            raise DataError(f"{self.id}: got a mask of another size than the image's {self.size[0]}x{self.size[1]}")

    @classmethod
    def empty(cls, name: str, size: Size, *, masks: bool) -> Annotation:
        """An image without objects."""
        none = np.zeros((0, 4), dtype=np.float32)
        return cls(id=name, size=size, boxes=none, labels=np.zeros(0, dtype=np.int64), masks=() if masks else None)

    def decoded(self) -> BoolMask:
        """All masks, bool (M, H, W); without masks the boxes, filled."""
        made = np.zeros((len(self.labels), *self.size), dtype=np.bool_)
        if self.masks is None:
            for place, (left, top, right, bottom) in enumerate(np.rint(self.boxes).astype(int).tolist()):
                made[place, top:bottom, left:right] = True
        for place, mask in enumerate(self.masks or ()):
            made[place] = mask.decode()
        return made

    def scaled(self, size: Size) -> Annotation:
        """The same objects in the image squashed or stretched to ``size`` (height, width)."""
        if size == self.size:
            return self
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]] * 2)
        masks = None if self.masks is None else tuple(mask.scaled(size) for mask in self.masks)
        return replace(self, size=size, boxes=(self.boxes * factor).astype(np.float32), masks=masks)

    def chosen(self, wanted: npt.NDArray[np.bool_]) -> Annotation:
        """The objects that ``wanted``, bool (M,), marks."""
        places = np.flatnonzero(wanted)
        masks = None if self.masks is None else tuple(self.masks[place] for place in places)
        return replace(
            self, boxes=self.boxes[places], labels=self.labels[places], masks=masks, crowd=self.crowd[places]
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; masks as COCO's compressed run lengths."""
        return {
            "id": self.id,
            "size": list(self.size),
            "boxes": self.boxes.astype(np.float64).tolist(),
            "labels": self.labels.tolist(),
            "masks": None if self.masks is None else [as_rle(mask).text() for mask in self.masks],
            "crowd": np.flatnonzero(self.crowd).tolist(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Annotation:
        """The inverse of `to_json`.

        Raises:
            DataError: it is not what `to_json` gives.
        """
        try:
            size = (int(value["size"][0]), int(value["size"][1]))
            labels = np.array(value["labels"], dtype=np.int64)
            crowd = np.zeros(len(labels), dtype=np.bool_)
            crowd[value["crowd"]] = True
            masks = None if value["masks"] is None else tuple(from_text(text, size) for text in value["masks"])
            boxes = np.array(value["boxes"], dtype=np.float32).reshape(-1, 4)
            return cls(id=str(value["id"]), size=size, boxes=boxes, labels=labels, masks=masks, crowd=crowd)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(f"got objects of an image that cannot be read ({error}); lock the images again") from error


def as_labels(annotations: Sequence[Annotation]) -> Labels:
    """The annotations of N images as the labels of an image set: an object array (N,)."""
    labels = np.empty(len(annotations), dtype=object)
    for place, annotation in enumerate(annotations):
        labels[place] = annotation
    return labels
