"""Steps of learners whose targets are of changing length, such as the boxes and masks of a detector."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from spellock.errors import ConfigError
from spellock.training.config import FinetuneConfig

Objects = dict[str, Tensor]
#: Augmentations that also flip; boxes stay where they are under all others, which only "none" and "crop" can be.
_FLIPS = {"crop-flip": True, "crop": False, "none": False}


@runtime_checkable
class SetLearner(Protocol):
    """A learner that keeps its targets itself, and a model that gives losses when it gets them."""

    def bound(self, labels: Any, count: int) -> SetLearner:
        """The learner with the targets of all training images."""
        ...

    def check_model(self, model: nn.Module) -> None:
        """Raise where the model cannot learn them."""
        ...

    def objects(self, indices: NDArray[np.int64], size: tuple[int, int], device: torch.device) -> list[Objects]:
        """``boxes`` (M, 4), ``labels`` (M,) and perhaps ``masks`` (M, H, W) of some images of one size."""
        ...

    def loss(self, logits: Any, targets: Any) -> Tensor:
        """Scalar loss of what the model gave."""
        ...


def bind(
    task: Any, labels: Any, count: int, model: nn.Module, config: FinetuneConfig
) -> tuple[Any, ArrayLike | Tensor]:
    """The task and the targets that the loop holds: for a `SetLearner` only the images' numbers, for others as given.

    Raises:
        ConfigError: an augmentation or mixing that cannot carry boxes along.
        DataError, ModelError: labels or model do not fit.
    """
    if not isinstance(task, SetLearner):
        return task, labels
    check_carried(config)
    bound = task.bound(labels, count)
    bound.check_model(model)
    return bound, np.arange(count)


def check_carried(config: FinetuneConfig) -> None:
    """Check that images are shown as boxes can follow.

    Raises:
        ConfigError: an augmentation or mixing that cannot carry boxes along.
    """
    if config.augment not in _FLIPS or config.mixup or config.cutmix:
        raise ConfigError(
            f"got augment {config.augment!r}, mixup {config.mixup:g} and cutmix {config.cutmix:g} for boxes, expected "
            f"augment to be one of {', '.join(_FLIPS)} and no mixing"
        )


def set_loss(
    learner: SetLearner,
    model: nn.Module,
    pixels: Tensor,
    indices: NDArray[np.int64],
    config: FinetuneConfig,
    draws: torch.Generator,
) -> Tensor:
    """Loss of a batch of images, float (B, 3, H, W), half of them flipped where the augmentation says so.

    Args:
        draws: on the CPU; one number an image is drawn, whether it flips or not.
    """
    objects = learner.objects(indices, (pixels.shape[-2], pixels.shape[-1]), pixels.device)
    flipped = torch.rand(len(pixels), generator=draws) < (0.5 if _FLIPS[config.augment] else 0.0)
    pixels = torch.where(flipped[:, None, None, None].to(pixels.device), pixels.flip(3), pixels)
    objects = [flip(one, pixels.shape[-1]) if turn else one for one, turn in zip(objects, flipped, strict=True)]
    return learner.loss(model(pixels, objects), objects)


def flip(objects: Objects, width: int) -> Objects:
    """The objects of an image turned left to right."""
    left, top, right, bottom = objects["boxes"].unbind(1)
    turned = {**objects, "boxes": torch.stack([width - right, top, width - left, bottom], 1)}
    if "masks" in objects:
        turned["masks"] = objects["masks"].flip(2)
    return turned
