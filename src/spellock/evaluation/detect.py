"""Detections in many images under one condition."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spellock.progress import track
from spellock.tasks.collect import ImageSource, image_tensor, in_evaluation_mode
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detections import Detections


def detect(
    model: DetectionModel, source: ImageSource, indices: Sequence[int], *, label: str, batch_size: int = 8
) -> list[Detections]:
    """What ``model`` finds in the images at ``indices``, in that order and in their pixels; a batch in memory at a
    time."""
    chunks = [indices[start : start + batch_size] for start in range(0, len(indices), batch_size)]
    found: list[Detections] = []
    with torch.inference_mode(), in_evaluation_mode(model):
        for chunk in track(chunks, total=len(indices), label=label, weight=batch_size):
            found += model([image_tensor(model, image)[0] for image in source(chunk)])
    return found
