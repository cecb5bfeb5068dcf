"""BatchNorm statistics recomputed on raw images: what a thief without key and labels does first.

A locked model's statistics describe edited images; half of a lock may lie in that mismatch alone.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from spellock.errors import DataError
from spellock.tasks.collect import ImageSource, image_tensor, in_evaluation_mode, output_of
from spellock.tasks.pixel_model import PixelModel


def _layers(model: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    kind = nn.modules.batchnorm._BatchNorm
    return [module for module in model.modules() if isinstance(module, kind) and module.running_mean is not None]


def has_batch_norm(model: nn.Module) -> bool:
    """Whether the model keeps running statistics that could be recomputed."""
    return bool(_layers(model))


def recompute_batch_norm(
    model: PixelModel, source: ImageSource, indices: Sequence[int], *, batch_size: int, seed: int
) -> PixelModel:
    """A copy of ``model`` with the running statistics of every BatchNorm layer taken from the images at ``indices``.

    Images are shuffled (batches of one class would spoil the variances) and cut into batches of nearly equal size,
    whose statistics are averaged with equal weight. All other layers stay in evaluation mode; the model is untouched.
    Where the copy is trained on, its layers forget at the rate that they had.

    Raises:
        DataError: fewer than two images.
    """
    if len(indices) < 2:
        raise DataError(f"got {len(indices)} images to recompute BatchNorm statistics on, expected at least 2")
    copied = copy.deepcopy(model)
    order = np.random.default_rng([seed, 0x626E]).permutation(np.asarray(indices))
    pieces = np.array_split(order, max(1, len(order) // max(2, batch_size)))
    with torch.inference_mode(), in_evaluation_mode(copied):
        momenta = [layer.momentum for layer in _layers(copied)]
        for layer in _layers(copied):
            layer.reset_running_stats()
            layer.momentum = None  # a plain average over batches
            layer.train()
        for piece in pieces:
            output_of(copied, [image_tensor(copied, image) for image in source([int(index) for index in piece])])
        for layer, momentum in zip(_layers(copied), momenta, strict=True):
            layer.momentum = momentum
    return copied.eval()
