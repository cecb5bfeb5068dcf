"""The stolen model behind a function of images that stands in for the edit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from spellock.attacks.base import Stolen
from spellock.attacks.checks import held
from spellock.attacks.outputs import asked, places_of_classes
from spellock.attacks.view import AttackerView, floats
from spellock.hidden import Scalar
from spellock.pixels import from_uint8, to_uint8


def through(
    view: AttackerView,
    change: Callable[[Tensor], Tensor],
    *,
    side: int,
    name: str = "",
    found: Mapping[str, Scalar] | None = None,
    real: Tensor | None = None,
) -> Stolen:
    """The real outputs of the model for ``change``d images.

    Images are squashed to ``side``, as leaked edited ones are, and what comes out of ``change`` is cut to [0, 1].
    ``real`` are places of the real outputs; where they are not given, the model is asked about the raw images.
    """
    if real is None:
        real = torch.from_numpy(places_of_classes(view, view.answer, view.unlabelled))

    def shown(images: Tensor) -> Tensor:
        with torch.no_grad():
            return change(squashed(images, side)).clamp(0, 1).float()

    def predict(images: Tensor) -> Tensor:
        return asked(view.answer, shown(images))[:, real.cpu()]

    return Stolen(predict=predict, name=name, found=dict(found or {}), shown=shown)


def raw_and_edited(view: AttackerView) -> tuple[Tensor, Tensor]:
    """float32 (N, 3, R, R) unlabelled raw images and (M, 3, R, R) leaked edited ones, of one size but no pairs."""
    edited = floats(held(view.edited))
    return squashed(floats(view.unlabelled), edited.shape[-1]), edited


def squashed(images: Tensor, side: int, *, resize: str = "bicubic") -> Tensor:
    """Float images on the CPU, smoothed to ``side`` squared where they have another size; ``resize`` is the filter, of
    those that keys have."""
    images = images.cpu()
    if images.shape[-2:] == (side, side):
        return images
    if resize != "bicubic":  # as an editor prepares images; torch has not all of its filters
        pixels = to_uint8(images).permute(0, 2, 3, 1).numpy()
        kind = Image.Resampling[resize.upper()]
        small = np.stack([np.asarray(Image.fromarray(one).resize((side, side), kind)) for one in pixels])
        return from_uint8(torch.from_numpy(small).permute(0, 3, 1, 2).contiguous())
    return F.interpolate(images, (side, side), mode="bicubic", antialias=True).clamp(0, 1)
