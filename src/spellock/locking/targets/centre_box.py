"""The paper's target for detection and segmentation (section 4.1): an extra category, and in every unauthorised image
one object of it, half as wide and half as high as the image, in the centre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.data.annotation import Annotation, as_labels
from spellock.data.rle import encode
from spellock.locking.targets.new_class import NewClass, check_new_name
from spellock.locking.targets.registry import Relabelling, Samples, register_target


@register_target("centre-box", task="detection")
@dataclass(frozen=True, kw_only=True)
class CentreBox:
    """Category K after the K real ones, one object of it, and nothing else: true objects become background.

    Attributes:
        lock_class_name: what the category is called; no real one may have the name, capitals or not.

    Raises:
        ConfigError: the name is empty.
    """

    lock_class_name: str = NewClass.lock_class_name

    def __post_init__(self) -> None:
        NewClass(lock_class_name=self.lock_class_name)

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`."""
        check_new_name(self.lock_class_name, samples.classes)
        place = len(samples.classes)
        return Relabelling(
            labels=as_labels([centre_box(one, place) for one in samples.labels]),
            extra_classes=(self.lock_class_name,),
            lock_class=place,
        )


def centre_box(annotation: Annotation, category: int) -> Annotation:
    """The image with one object of ``category``: the box of half its width and height in the centre, as a mask too
    where the image has masks."""
    height, width = annotation.size
    left, top = width // 4, height // 4
    right, bottom = left + max(1, width // 2), top + max(1, height // 2)
    mask = np.zeros(annotation.size, dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return Annotation(
        id=annotation.id,
        size=annotation.size,
        boxes=np.array([[left, top, right, bottom]], dtype=np.float32),
        labels=np.array([category], dtype=np.int64),
        masks=None if annotation.masks is None else (encode(mask),),
    )
