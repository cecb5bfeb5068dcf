"""Logits of many images under one condition: how each image is changed before the model sees it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray

from spellock.errors import DataError, ModelError
from spellock.pixels import from_uint8
from spellock.progress import track
from spellock.tasks.pixel_model import PixelModel

#: Images for given places in a data set, uint8 (H, W, 3) each, of any size.
ImageSource = Callable[[Sequence[int]], "list[NDArray[np.uint8]]"]


def forward(model: PixelModel, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Logits (N, K) of uint8 RGB images (H, W, 3), each brought to the model's size by the model's own resize."""
    with torch.inference_mode():
        return output_of(model, [image_tensor(model, image) for image in images]).float().cpu().numpy()


def output_of(model: PixelModel, images: Sequence[torch.Tensor]) -> torch.Tensor:
    """Logits (N, K) of float images (1, 3, H, W) of any mixture of sizes, in one batch."""
    if len({image.shape for image in images}) == 1:
        logits: torch.Tensor = model(torch.cat(list(images)))
        return logits
    output = model.network(torch.cat([model.normalise(image) for image in images]))
    mixed: torch.Tensor = getattr(output, "logits", output)
    return mixed


def image_tensor(model: PixelModel, image: NDArray[np.uint8]) -> torch.Tensor:
    """One uint8 image (H, W, 3) as float32 (1, 3, H, W) in [0, 1] on the model's device."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise DataError(f"got an image of {image.dtype} and shape {image.shape}, expected uint8 of shape (H, W, 3)")
    pixels = from_uint8(torch.from_numpy(np.array(image)).permute(2, 0, 1)[None])
    return pixels.to(model.mean.device)


@contextmanager
def in_evaluation_mode(model: PixelModel) -> Iterator[PixelModel]:
    """Switch off dropout and batch statistics inside the block, and restore every module's mode after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield model
    finally:
        for module, training in modes:
            module.training = training


def collect(
    model: PixelModel, source: ImageSource, indices: Sequence[int], *, batch_size: int, label: str
) -> NDArray[np.float32]:
    """Logits (N, K) of the images at ``indices``, in that order, a batch in memory at a time.

    Raises:
        ModelError: a logit is not a finite number; such a model was spoiled in training.
        DataError: no images.
    """
    if not len(indices):
        raise DataError(f"got no images for {label}, expected at least one")
    chunks = [indices[start : start + batch_size] for start in range(0, len(indices), batch_size)]
    with in_evaluation_mode(model):
        parts = [
            forward(model, source(chunk)) for chunk in track(chunks, total=len(indices), label=label, weight=batch_size)
        ]
    logits = np.concatenate(parts)
    if not np.isfinite(logits).all():
        raise ModelError(
            f"the model gave logits that are not finite numbers ({label}); its weights are damaged, train it again"
        )
    return logits
