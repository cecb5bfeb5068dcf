"""What a detector found in one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spellock.data.annotation import Boxes, Size
from spellock.data.rle import Rle, encode

#: Probability from which a pixel belongs to a mask.
MASK_THRESHOLD = 0.5


@dataclass(frozen=True, kw_only=True, eq=False)
class Detections:
    """Objects in one image, the surest first.

    Attributes:
        size: the image's height and width in pixels.
        boxes: float32 (M, 4), left, top, right and bottom in pixels.
        labels: int64 (M,), a category each, from 0.
        scores: float32 (M,), in [0, 1].
        masks: one an object; None of a model without masks.
    """

    size: Size
    boxes: Boxes
    labels: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float32]
    masks: tuple[Rle, ...] | None = None

    @classmethod
    def of(cls, output: Mapping[str, Tensor], size: Size) -> Detections:
        """From torchvision's output for one image of ``size``: labels from 1, masks as probabilities (M, 1, H, W)."""
        # RetinaNet has an output for the background, which it may name when all scores are asked for.
        output = {name: tensor.detach()[output["labels"] > 0] for name, tensor in output.items()}
        masks = output.get("masks")
        inked = None if masks is None else (masks[:, 0] > MASK_THRESHOLD).cpu().numpy()
        return cls(
            size=size,
            boxes=output["boxes"].float().cpu().numpy(),
            labels=output["labels"].cpu().numpy().astype(np.int64) - 1,
            scores=output["scores"].float().cpu().numpy(),
            masks=None if inked is None else tuple(encode(mask) for mask in inked),
        )

    def scaled(self, size: Size) -> Detections:
        """The same objects in the image squashed or stretched to ``size`` (height, width)."""
        if size == self.size:
            return self
        factor = np.array([size[1] / self.size[1], size[0] / self.size[0]] * 2, dtype=np.float64)
        masks = None if self.masks is None else tuple(mask.scaled(size) for mask in self.masks)
        return replace(self, size=size, boxes=(self.boxes * factor).astype(np.float32), masks=masks)

    def above(self, score: float) -> Detections:
        """Those with at least ``score``."""
        places = np.flatnonzero(self.scores >= score)
        return replace(
            self,
            boxes=self.boxes[places],
            labels=self.labels[places],
            scores=self.scores[places],
            masks=None if self.masks is None else tuple(self.masks[place] for place in places),
        )

    def to_json(self, classes: tuple[str, ...]) -> list[dict[str, Any]]:
        """One object each: class, score, box (left, top, right, bottom) and COCO's compressed run lengths."""
        rows: list[dict[str, Any]] = []
        for place, label in enumerate(self.labels.tolist()):
            row = {
                "class": classes[label],
                "label": label,
                "score": float(self.scores[place]),
                "box": [round(value, 2) for value in self.boxes[place].astype(np.float64).tolist()],
            }
            if self.masks is not None:
                row["segmentation"] = {"size": list(self.size), "counts": self.masks[place].text()}
            rows.append(row)
        return rows
