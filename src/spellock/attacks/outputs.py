"""The model's outputs on many images, and which of them is the lock class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.view import AttackerView, floats
from spellock.errors import ModelError
from spellock.progress import track
from spellock.tasks.batchnorm import has_batch_norm, recompute_batch_norm
from spellock.tasks.pixel_model import PixelModel

Logits = NDArray[np.float32]
BATCH = 128


def outputs_of(answer: Callable[[Tensor], Tensor], images: Tensor, *, label: str = "asking the model") -> Logits:
    """Outputs (N, K) for uint8 images (N, 3, H, W), float32."""
    starts = range(0, len(images), BATCH)
    parts = [
        asked(answer, floats(images[start : start + BATCH])).numpy()
        for start in track(starts, total=len(images), label=label, weight=BATCH)
    ]
    return np.concatenate(parts)


def asked(answer: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Outputs float32 (N, K) on the CPU for images (N, 3, H, W) in [0, 1], wherever the model is; no gradients."""
    device = answer.mean.device if isinstance(answer, PixelModel) else images.device
    with torch.no_grad():
        return answer(images.to(device)).float().cpu()


def real_places(outputs: int, view: AttackerView, reference: Logits | None = None) -> NDArray[np.int64]:
    """Places of the real classes among ``outputs``.

    The lock class is the one that the model's folder names. Where nothing names it, it is found out: raw images are
    what it is for, so it is the output whose mean probability on raw ``reference`` outputs (M, K) is highest.

    Raises:
        ModelError: there are fewer outputs than classes.
    """
    if outputs < view.classes:
        raise ModelError(f"the model has {outputs} outputs, expected one for each of {view.classes} classes at least")
    extra = outputs - view.classes
    if not extra:
        return np.arange(outputs)
    if view.lock_class is not None and extra == 1:
        return np.delete(np.arange(outputs), view.lock_class)
    if reference is None:
        reference = outputs_of(view.answer, view.unlabelled)
    mean = softmax(reference).mean(axis=0)
    return np.sort(np.argsort(mean, kind="stable")[: view.classes])


def places_of_classes(view: AttackerView, answer: Callable[[Tensor], Tensor], images: Tensor) -> NDArray[np.int64]:
    """`real_places` of the model ``answer``, which is asked about raw uint8 ``images`` (N, 3, H, W)."""
    seen = outputs_of(answer, images, label="raw images")
    return real_places(seen.shape[1], view, seen)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities along the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=-1, keepdims=True)
    return probabilities


def with_raw_statistics(model: PixelModel, images: Tensor, *, seed: int) -> PixelModel:
    """The model with BatchNorm statistics recomputed on raw uint8 images (N, 3, H, W); itself where it has none."""
    if not has_batch_norm(model):
        return model
    pictures = images.permute(0, 2, 3, 1).numpy()
    return recompute_batch_norm(
        model, lambda chosen: [pictures[place] for place in chosen], range(len(images)), batch_size=64, seed=seed
    )
