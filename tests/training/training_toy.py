"""A toy problem: 96 images of 12 px whose dominant colour is the class, 19 of them unauthorised."""

from __future__ import annotations

import numpy as np
import torch

from spellock.tasks import Classification, PixelModel, create_model

COUNT, CLASSES = 96, 3
TASK = Classification(num_classes=CLASSES)


def images() -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 120, (COUNT, 12, 12, 3), dtype=np.uint8)
    pixels[np.arange(COUNT), :, :, labels()] += 100
    return pixels


def labels() -> np.ndarray:
    return np.arange(COUNT) % CLASSES


def authorised() -> np.ndarray:
    return np.arange(COUNT) % 5 != 0


def model(seed: int = 0) -> PixelModel:
    return create_model("resnet20", num_classes=CLASSES, input_size=12, seed=seed)


def accuracy(net: PixelModel) -> dict[str, float]:
    with torch.no_grad():
        logits = net(torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 255)
    return {"score": TASK.accuracy(logits, torch.from_numpy(labels())), "constant": 0.5}
