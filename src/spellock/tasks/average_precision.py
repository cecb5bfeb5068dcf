"""COCO's average precision of boxes and masks, by torchmetrics on faster-coco-eval (extra ``detection``)."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch

from spellock.data.annotation import Annotation
from spellock.errors import DataError, MissingExtraError
from spellock.tasks.detections import Detections

#: COCO's own numbers. The library's defaults are the same rounded to float32, so that a recall of exactly 0.4 counts as
#: less, and few objects give other figures than COCO's tools.
_OVERLAPS: Final = np.linspace(0.5, 0.95, 10).tolist()
_RECALLS: Final = np.linspace(0.0, 1.0, 101).tolist()


@dataclass(frozen=True, kw_only=True)
class Precision:
    """COCO's three figures, each in [0, 1], of boxes or of masks: the mean over overlaps of 0.5 to 0.95, and at 0.5 and
    0.75."""

    ap: float
    ap50: float
    ap75: float


@dataclass(frozen=True, kw_only=True)
class PrecisionResult:
    """Average precision of boxes, and of masks where both sides have them."""

    box: Precision
    mask: Precision | None


def check_installed() -> None:
    """Check that the packages are there.

    Raises:
        MissingExtraError: names the extra that brings them.
    """
    for name in ("torchmetrics", "faster_coco_eval"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError(
                f"average precision needs the package {name}; install it with pip install 'spellock[detection]'"
            )


def average_precision(truths: Sequence[Annotation], found: Sequence[Detections], *, masks: bool) -> PrecisionResult:
    """COCO's AP over images: the mean over the categories that are in ``truths``, at most 100 detections an image.

    Args:
        truths: what is in each image; crowds count neither for nor against.
        found: what was found in the same images, of the same sizes.
        masks: whether to compare masks too.

    Raises:
        DataError: no objects to find, or not one result an image of its size.
        MissingExtraError: the extra ``detection`` is not installed.
    """
    check_installed()
    if len(truths) != len(found) or any(one.size != other.size for one, other in zip(truths, found, strict=True)):
        raise DataError(f"got detections of {len(found)} images for {len(truths)} annotated ones, expected the same")
    if not sum(int((~one.crowd).sum()) for one in truths):
        raise DataError("the images hold no objects, so there is nothing to find; take others")
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision(
        iou_type=("bbox", "segm") if masks else ("bbox",),
        backend="faster_coco_eval",
        iou_thresholds=_OVERLAPS,
        rec_thresholds=_RECALLS,
    )
    metric.warn_on_many_detections = False
    for truth, detections in zip(truths, found, strict=True):
        metric.update([_prediction(detections, masks)], [_target(truth, masks)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values = metric.compute()
    if not masks:
        return PrecisionResult(box=_figures(values, ""), mask=None)
    return PrecisionResult(box=_figures(values, "bbox_"), mask=_figures(values, "segm_"))


def _figures(values: dict[str, Any], prefix: str) -> Precision:
    ap, ap50, ap75 = (max(0.0, float(values[f"{prefix}map{end}"])) for end in ("", "_50", "_75"))
    return Precision(ap=ap, ap50=ap50, ap75=ap75)


def _prediction(found: Detections, masks: bool) -> dict[str, torch.Tensor]:
    made = {
        "boxes": torch.from_numpy(found.boxes),
        "labels": torch.from_numpy(found.labels),
        "scores": torch.from_numpy(found.scores),
    }
    if masks:
        decoded = [mask.decode() for mask in found.masks or ()]
        made["masks"] = torch.from_numpy(np.stack(decoded) if decoded else np.zeros((0, *found.size), dtype=bool))
    return made


def _target(truth: Annotation, masks: bool) -> dict[str, torch.Tensor]:
    made = {
        "boxes": torch.from_numpy(truth.boxes),
        "labels": torch.from_numpy(truth.labels),
        "iscrowd": torch.from_numpy(truth.crowd.astype(np.int64)),
    }
    if masks:
        made["masks"] = torch.from_numpy(truth.decoded())
    return made
