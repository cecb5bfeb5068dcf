"""One evaluation of a detector: the model, the test images and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from spellock.data.annotation import Annotation
from spellock.data.image_set import ImageSet
from spellock.errors import ModelError
from spellock.evaluation.box_figures import BoxReading
from spellock.evaluation.detect import detect
from spellock.tasks.collect import ImageSource
from spellock.tasks.detection_model import EVERY_SCORE, DetectionModel
from spellock.tasks.pixel_model import PixelModel

BATCH = 8


@dataclass(frozen=True, kw_only=True)
class BoxRun:
    """One evaluation of a detector.

    Attributes:
        model: the locked detector.
        classes: its categories, the lock category included.
        lock: place of the lock category; None for none.
        test: raw test images.
        truths: their objects over ``classes``.
        seed: of halves and subsets.
    """

    model: DetectionModel
    classes: tuple[str, ...]
    lock: int | None
    test: ImageSet
    truths: Sequence[Annotation]
    seed: int
    every: DetectionModel = field(init=False)

    def __post_init__(self) -> None:
        dropped = () if self.lock is None else (self.lock,)
        object.__setattr__(self, "every", self.model.without(dropped, least_score=EVERY_SCORE))

    def read(self, model: DetectionModel, source: ImageSource, places: Sequence[int], *, label: str) -> BoxReading:
        """Detections of ``model`` in the images at ``places``, in raw pixels."""
        truths = [self.truths[place] for place in places]
        found = detect(model, source, places, label=label, batch_size=BATCH)
        masks = model.has_masks and all(one.masks is not None for one in truths)
        scaled = [one.scaled(truth.size) for one, truth in zip(found, truths, strict=True)]
        return BoxReading(indices=np.array(places, dtype=np.int64), truths=truths, found=scaled, masks=masks)


def as_detector(model: PixelModel) -> DetectionModel:
    """``model``, or `ModelError` where it is no detector."""
    if not isinstance(model, DetectionModel):
        raise ModelError("the test images have boxes, but the model is a classifier; give a detector")
    return model
