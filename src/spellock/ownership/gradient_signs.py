"""MOVE's white-box features: the signs of a loss's gradient with respect to a model's weights, image by image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ModelError
from spellock.pixels import from_uint8
from spellock.tasks.collect import in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel

#: Tensors with more rows times columns are left out (authors' code), so that features stay few.
LARGEST: Final = 5000


def shared_weights(*models: PixelModel) -> tuple[str, ...]:
    """Names of the tensors that features are made of: those that all models have in one shape, so mostly not the head.

    Vectors (biases, normalisation) and large tensors are left out.

    Raises:
        ModelError: no tensor is left.
    """
    shapes = [{name: weight.shape for name, weight in model.network.named_parameters()} for model in models]
    names = tuple(
        name
        for name, weight in models[0].network.named_parameters()
        if weight.ndim >= 2
        and weight.shape[0] * weight.shape[1] <= LARGEST
        and all(other.get(name) == weight.shape for other in shapes)
    )
    if not names:
        raise ModelError(
            f"the models have no weights of one name and shape and at most {LARGEST} entries in common, expected one "
            "architecture; use the black box"
        )
    return names


def gradient_signs(
    model: PixelModel, images: Tensor, labels: NDArray[np.int64], names: Sequence[str]
) -> NDArray[np.float64]:
    """-1, 0 or 1 (N, D) for uint8 images (N, 3, H, W) with classes (N,), from the weights called ``names``.

    Of a convolution's gradient (out, in, h, w) the highest entry of each kernel is taken.

    Raises:
        ModelError: the model has not that many classes.
    """
    if labels.max() >= model.num_classes:
        raise ModelError(
            f"the suspect has {model.num_classes} classes, expected {labels.max() + 1} or more as the labels have; "
            "use the black box"
        )
    weights = dict(model.network.named_parameters())
    chosen = [weights[name] for name in names]
    pixels, targets = from_uint8(images).to(model.mean.device), torch.from_numpy(labels).to(model.mean.device)
    rows = []
    with in_evaluation_mode(model), torch.enable_grad():
        frozen = [weight.requires_grad for weight in chosen]
        for weight in chosen:
            weight.requires_grad_(True)
        try:
            for pixel, target in zip(pixels, targets, strict=True):
                loss = F.cross_entropy(model(pixel[None]), target[None])
                slopes = torch.autograd.grad(loss, chosen)
                rows.append(torch.cat([_pooled(slope).flatten().sign() for slope in slopes]).double().cpu().numpy())
        finally:
            for weight, before in zip(chosen, frozen, strict=True):
                weight.requires_grad_(before)
    features: NDArray[np.float64] = np.stack(rows)
    return features


def _pooled(slope: Tensor) -> Tensor:
    return slope if slope.ndim == 2 else slope.flatten(2).amax(dim=2)
