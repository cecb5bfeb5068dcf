"""What a detector is trained with: boxes and masks by image number, and torchvision's own losses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.data.annotation import Annotation
from spellock.errors import DataError, ModelError
from spellock.tasks.detection_model import DetectionModel

Objects = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class DetectionLearner:
    """Targets of changing length, which stay here and are asked for by image number.

    Attributes:
        categories: of the model, the lock category included.
        annotations: what each training image holds, once `bound`.
    """

    categories: int
    annotations: tuple[Annotation, ...] = ()

    def bound(self, labels: Any, count: int) -> DetectionLearner:
        """The learner with the objects of ``count`` images, for crowds cannot be learnt without them.

        Raises:
            DataError: they are not one annotation an image, or one names a category that the model has not.
        """
        annotations = tuple(labels)
        if len(annotations) != count or not all(isinstance(one, Annotation) for one in annotations):
            raise DataError(f"got {len(annotations)} annotations for {count} training images, expected one each")
        for one in annotations:
            if len(one.labels) and not 0 <= one.labels.min() <= one.labels.max() < self.categories:
                raise DataError(f"{one.id} has a category outside 0 to {self.categories - 1}; check the annotations")
        return replace(self, annotations=tuple(one.chosen(~one.crowd) for one in annotations))

    def identity(self) -> dict[str, object]:
        """What must be the same for a run to be continued."""
        digest = hashlib.sha256()
        for one in self.annotations:
            digest.update(json.dumps(one.to_json(), sort_keys=True).encode())
        return {"name": "detection", "categories": self.categories, "objects": digest.hexdigest()}

    def check_model(self, model: nn.Module) -> None:
        """Check that ``model`` can learn this.

        Raises:
            ModelError: it is no detector, has other categories, or finds masks where there are none to learn.
        """
        if not isinstance(model, DetectionModel):
            raise ModelError("the task detection needs a detector, for example fasterrcnn_resnet50; got a classifier")
        if model.num_classes != self.categories:
            raise ModelError(f"the detector has {model.num_classes} categories, expected {self.categories}")
        if model.has_masks and any(one.masks is None for one in self.annotations):
            raise ModelError(
                "the detector finds masks, but the data has boxes only; take for example fasterrcnn_resnet50"
            )

    def objects(self, indices: NDArray[np.int64], size: tuple[int, int], device: torch.device) -> list[Objects]:
        """Boxes (M, 4), labels (M,) from 0 and, where there are any, masks uint8 (M, H, W) of the images ``indices``,
        whose height and width are ``size``."""
        found: list[Objects] = []
        for index in indices.tolist():
            one = self.annotations[index].scaled(size)
            made = {"boxes": torch.from_numpy(one.boxes), "labels": torch.from_numpy(one.labels)}
            if one.masks is not None:
                made["masks"] = torch.from_numpy(one.decoded().astype(np.uint8))
            found.append({name: tensor.to(device) for name, tensor in made.items()})
        return found

    def loss(self, logits: Any, targets: Any) -> Tensor:
        """The sum of a detector's losses, scalars by name."""
        losses: Sequence[Tensor] = list(logits.values()) if isinstance(logits, Mapping) else [logits]
        return torch.stack([one.float() for one in losses]).sum()
