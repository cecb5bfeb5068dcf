"""Detection and instance segmentation: boxes with categories, and masks where the data and the model have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from PIL import Image
from torch import Tensor

from spellock.data.annotation import DETECTION, Annotation, as_labels
from spellock.data.box_set import check_box_set, has_masks, squashed
from spellock.data.image_set import ImageSet, Labels, OnError
from spellock.data.open_boxes import open_boxes
from spellock.data.split import stratified_take
from spellock.data.write_coco import check_category_names, write_coco
from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks.average_precision import check_installed
from spellock.tasks.detection_learner import DetectionLearner
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.registry import register_task
from spellock.tasks.task import Layout, Rows, Task


@register_task
@dataclass(frozen=True, kw_only=True)
class DetectionTask(Task):
    """Labels are an object array (N,) of `Annotation`; categories are called classes."""

    name: ClassVar[str] = DETECTION
    default_target: ClassVar[str] = "centre-box"
    hardened_target: ClassVar[str] = "nothing"
    has_boxes: ClassVar[bool] = True
    default_batch: ClassVar[int | None] = 8

    def open_images(self, source: str | Path | object, *, split: str | None, on_error: OnError) -> ImageSet:
        """See `Task`."""
        return open_boxes(source, split=split, on_error=on_error)

    def check_trainable(self, images: ImageSet) -> None:
        """See `Task`: at least two images, and objects of every category."""
        check_box_set(images)

    def squashed(self, images: ImageSet, side: int, how: str) -> ImageSet:
        """See `Task`: boxes and masks are squashed along."""
        return squashed(images, (side, side), Image.Resampling[how.upper()])

    def check_edit(self, *, moves_pixels: bool) -> None:
        """See `Task`."""
        if moves_pixels:
            raise ConfigError(
                "the key's editor moves content away from its boxes and masks; use a key that leaves it in its place, "
                "such as diffusion, blend, patch, noise or photo_filter"
            )

    def check_model(self, model: PixelModel, images: ImageSet) -> None:
        """See `Task`; training judges its checkpoints by average precision, so what that needs must be there too.

        Raises:
            ModelError: the model is no detector, or finds masks that the data has not.
            MissingExtraError: the extra ``detection`` is not installed.
        """
        check_installed()
        if not isinstance(model, DetectionModel):
            raise ModelError("the task detection needs a detector, for example fasterrcnn_resnet50; got a classifier")
        if model.has_masks and not has_masks(images):
            raise ModelError(
                f"{model.architecture} finds masks, but {images.name} has boxes only; take for example "
                "fasterrcnn_resnet50"
            )

    def take(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 1
    ) -> npt.NDArray[np.bool_]:
        """See `Task`; ``minimum`` and ``leave`` are of images."""
        taken = stratified_take(self.strata(images.labels), share, ranks, leave=0)
        order = np.argsort(ranks, kind="stable")
        most = len(taken) - leave
        if taken.sum() < min(minimum, most):
            taken[order[: min(minimum, most)]] = True
        if taken.sum() > most:
            taken[order[::-1][:leave]] = False
        return taken

    def hold_out(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 2
    ) -> npt.NDArray[np.bool_]:
        """See `Task`."""
        return self.take(images, share, ranks, minimum=minimum, leave=leave)

    def unlocked(self, labels: Labels, count: int) -> list[int]:
        """See `Task`: any image locks all categories, since all of its objects are exchanged."""
        return [] if len(labels) else list(range(count))

    def strata(self, labels: Labels) -> Labels:
        """See `Task`: an image's rarest category, by images that have it; one more than all for those without any."""
        present = [np.unique(one.labels) for one in labels]
        count = max((int(found.max()) + 1 for found in present if len(found)), default=0)
        images = np.bincount(np.concatenate([*present, np.zeros(0, dtype=np.int64)]), minlength=count)
        return np.array([found[images[found].argmin()] if len(found) else count for found in present], dtype=np.int64)

    def in_words(self, label: Any, classes: Sequence[str]) -> str:
        """See `Task`: how many of each category."""
        counts = np.bincount(label.labels, minlength=len(classes))
        return ", ".join(f"{n} {name}" for n, name in zip(counts.tolist(), classes, strict=False) if n) or "nothing"

    def widen(self, labels: Labels, count: int) -> Labels:
        """See `Task`."""
        return labels.copy()

    def align(self, labels: Labels, own: Sequence[str], classes: Sequence[str]) -> Labels:
        """See `Task`.

        Raises:
            DataError: an object's category is none of ``classes``.
        """
        places = np.array([list(classes).index(name) if name in classes else -1 for name in own], dtype=np.int64)
        made: list[Annotation] = []
        for one in labels:
            moved = places[one.labels] if len(one.labels) else one.labels
            if (moved < 0).any():
                missing = own[int(one.labels[moved < 0][0])]
                raise DataError(f"{one.id} has an object of {missing!r}, a category that the model does not have")
            made.append(
                Annotation(id=one.id, size=one.size, boxes=one.boxes, labels=moved, masks=one.masks, crowd=one.crowd)
            )
        return as_labels(made)

    def pack(self, labels: Labels) -> list[Any]:
        """See `Task`."""
        return [one.to_json() for one in labels]

    def unpack(self, values: Sequence[Any], count: int) -> Labels:
        """See `Task`."""
        return as_labels([Annotation.from_json(value) for value in values])

    def targets(self, labels: Labels) -> npt.NDArray[Any]:
        """See `Task`: the annotations themselves."""
        return labels

    def check_names(self, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        if layout != "folder":
            raise DataError("sets with boxes are written as COCO json with a folder of images; use the layout folder")
        check_category_names(classes)

    def write_released(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`: ``images`` and ``annotations.json``."""
        write_coco(folder, rows, classes)

    def write_held_out(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        write_coco(folder, rows, classes)

    def learner(self, classes: int, lock_class: int | None, labels: Labels) -> DetectionLearner:
        """See `Task`."""
        return DetectionLearner(categories=classes)

    def probabilities(self, logits: Tensor) -> Tensor:
        """Detections have scores of their own; raises `ModelError`."""
        raise ModelError("a detector gives boxes, not a probability for each class of an image")

    def answer(self, probabilities: npt.NDArray[np.float32], top: int | None) -> list[int]:
        """See `probabilities`."""
        raise ModelError("a detector gives boxes, not a probability for each class of an image")
