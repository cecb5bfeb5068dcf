"""The stolen model behind a function of images that stands in for the edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.outputs import outputs_of, real_places
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel


def through(
    view: AttackerView,
    change: Callable[[Tensor], Tensor],
    *,
    side: int,
    name: str = "",
    found: Mapping[str, Scalar] | None = None,
) -> Stolen:
    """The real outputs of the model for ``change``d images.

    Images are squashed to ``side``, as leaked edited ones are, and what comes out of ``change`` is cut to [0, 1].
    """
    seen = outputs_of(view.answer, view.unlabelled, label="raw images")
    real = torch.from_numpy(real_places(seen.shape[1], view, seen))

    def shown(images: Tensor) -> Tensor:
        with torch.no_grad():
            return change(squashed(images, side)).clamp(0, 1).float()

    def predict(images: Tensor) -> Tensor:
        changed = shown(images)
        device = view.answer.mean.device if isinstance(view.answer, PixelModel) else changed.device
        with torch.no_grad():
            return view.answer(changed.to(device)).float().cpu()[:, real]

    return Stolen(predict=predict, name=name, found=dict(found or {}), shown=shown)


def squashed(images: Tensor, side: int) -> Tensor:
    """Float images on the CPU, bicubic and smoothed to ``side`` squared where they have another size."""
    images = images.cpu()
    if images.shape[-2:] == (side, side):
        return images
    return F.interpolate(images, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
