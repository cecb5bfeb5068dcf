"""The pixel contract: float32 RGB in [0, 1], NCHW, at every public border."""

from __future__ import annotations

import torch
from torch import Tensor

from spellock.errors import PixelError


def check_images(images: Tensor, *, what: str = "images") -> Tensor:
    """Return ``images`` unchanged when they are float32 of shape (N, 3, H, W) in [0, 1].

    Raises:
        PixelError: says what came, what was expected and the likely cause.
    """
    if not isinstance(images, Tensor):
        raise PixelError(f"{what}: got {type(images).__name__}, expected a torch.Tensor of float32 RGB in [0, 1], NCHW")
    if images.ndim != 4 or images.shape[1] != 3:
        hint = (
            "channels come last: permute(0, 3, 1, 2)"
            if images.ndim == 4 and images.shape[-1] == 3
            else ("add the batch axis with unsqueeze(0)" if images.ndim == 3 else "repeat a grey channel three times")
        )
        raise PixelError(f"{what}: got shape {tuple(images.shape)}, expected (N, 3, H, W); {hint}")
    if images.dtype != torch.float32:
        hint = "divide by 255" if images.dtype == torch.uint8 else "call .float()"
        raise PixelError(f"{what}: got {images.dtype}, expected torch.float32 in [0, 1]; {hint}")
    if images.numel():
        low, high = (float(value) for value in images.detach().aminmax())
        if not (low >= 0.0 and high <= 1.0):
            hint = "divide by 255" if high > 4 else "pass images before normalisation; the model carries its own"
            raise PixelError(f"{what}: got values in [{low:.3g}, {high:.3g}], expected [0, 1]; {hint}")
    return images


def to_uint8(images: Tensor) -> Tensor:
    """Round float images in [0, 1] to uint8, half to even."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """uint8 images to float32 in [0, 1], exactly invertible by `to_uint8`."""
    return images.float() / 255
