"""The rule for a checkpoint of a detector: as for classifiers, with average precision of boxes in place of accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from spellock.data.image_set import Labels
from spellock.errors import ModelError
from spellock.evaluation.detect import detect
from spellock.recipes.held_out import Pixels
from spellock.recipes.selection import LP_WEIGHT, SCORE
from spellock.tasks.average_precision import PrecisionResult, average_precision
from spellock.tasks.detection_model import EVERY_SCORE, DetectionModel
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class BoxLockScore:
    """Call it with a model for ``up``, ``lp``, ``lp_suppressed``, ``hardened_lp`` and ``score``.

    Attributes:
        raw: held-out images as they are, uint8 (N, R, R, 3).
        edited: the same images edited with the key.
        labels: what is in them, an object array (N,).
        lock_class: number of the lock category; None for a lock target without one.
    """

    raw: Pixels
    edited: Pixels
    labels: Labels
    lock_class: int | None

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """Shares in [0, 1]; ``score`` = ``up`` - 0.02 ``hardened_lp``, in [-0.02, 1]."""
        found = _precision(model, self.edited, self.labels)
        lp = _precision(model, self.raw, self.labels).box.ap
        dropped = () if self.lock_class is None else (self.lock_class,)
        bare = _detector(model).without(dropped, least_score=EVERY_SCORE)
        suppressed = _precision(bare, self.raw, self.labels).box.ap
        hardened, masks = max(lp, suppressed), {} if found.mask is None else {"up_mask": found.mask.ap}
        figures = {"up": found.box.ap, **masks, "lp": lp, "lp_suppressed": suppressed, "hardened_lp": hardened}
        return {**figures, SCORE: found.box.ap - LP_WEIGHT * hardened}


@dataclass(frozen=True, kw_only=True)
class BoxPlainScore:
    """The baseline's rule: average precision of boxes in held-out raw images, uint8 (N, R, R, 3), as ``score``."""

    raw: Pixels
    labels: Labels
    measure: ClassVar[str] = "AP of boxes"

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """The figure as a share in [0, 1]."""
        return {SCORE: _precision(model, self.raw, self.labels).box.ap}


def _precision(model: PixelModel, images: Pixels, labels: Labels) -> PrecisionResult:
    detector = _detector(model)
    found = detect(detector, lambda chosen: [images[i] for i in chosen], range(len(images)), label="validation")
    return average_precision(list(labels), found, masks=detector.has_masks)


def _detector(model: PixelModel) -> DetectionModel:
    if not isinstance(model, DetectionModel):
        raise ModelError("the task detection needs a detector, for example fasterrcnn_resnet50; got a classifier")
    return model
