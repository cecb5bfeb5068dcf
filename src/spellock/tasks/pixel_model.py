"""A network that carries its own resize and normalisation, so that every model takes plain pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spellock.errors import ModelError, PixelError
from spellock.pixels import check_images
from spellock.tasks.heads import head_width, penultimate

_MODES = ("nearest", "bilinear", "bicubic")


class PixelModel(nn.Module):
    """float32 RGB images (N, 3, H, W) in [0, 1] in, logits (N, K) out.

    Images of another size are squashed to ``input_size`` squared (as the editor squashes them), then normalised per
    channel as (x - mean) / std. ``state_dict`` entries are those of the network with ``network.`` before them.

    Args:
        network: any module that gives logits, or an object with ``.logits`` as transformers models do.
        input_size: side in pixels that the network sees.
        mean, std: three numbers each, for pixels in [0, 1].
        interpolation: nearest, bilinear or bicubic; the last two smooth when they shrink.
        architecture: name that `create_network` builds the network from; None for a network from elsewhere.
        options: further settings of that architecture.

    Raises:
        ModelError: a setting is out of range.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        input_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        interpolation: str = "bicubic",
        architecture: str | None = None,
        options: Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        super().__init__()
        if input_size < 1:
            raise ModelError(f"got an input size of {input_size}, expected at least 1 pixel")
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ModelError(f"got mean {tuple(mean)} and std {tuple(std)}, expected three each, std above 0")
        if interpolation not in _MODES:
            raise ModelError(f"got interpolation {interpolation!r}, expected one of {', '.join(_MODES)}")
        self.network = network
        self.input_size = input_size
        self.interpolation = interpolation
        self.architecture = architecture
        self.options = dict(options or {})
        # Kept as given: reading them back from float32 buffers would change the digits in the saved configuration.
        self.mean_std = (tuple(float(m) for m in mean), tuple(float(s) for s in std))
        self.register_buffer("mean", torch.tensor(self.mean_std[0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(self.mean_std[1]).view(1, 3, 1, 1), persistent=False)

    @property
    def num_classes(self) -> int:
        """Width of the logits."""
        return head_width(self.network)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K). Raises `PixelError` for anything but float32 (N, 3, H, W); in evaluation mode also for values
        outside [0, 1] (training checks its uint8 source instead)."""
        output = self.network(self.normalise(images))
        logits = getattr(output, "logits", output)
        if not isinstance(logits, Tensor) or logits.ndim != 2:
            name = type(self.network).__name__
            raise ModelError(f"{name} gave {_describe(logits)}, expected logits of shape (N, classes)")
        return logits

    def features(self, images: Tensor) -> Tensor:
        """Penultimate features (N, D), pooled over space or tokens: what the classifier layer sees."""
        return penultimate(self.network, self.normalise(images))

    def normalise(self, images: Tensor) -> Tensor:
        """Check, resize and normalise images (N, 3, H, W) in [0, 1] to what the network takes."""
        if not self.training:
            check_images(images)
        elif images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
            raise PixelError(f"images: got {_describe(images)}, expected float32 RGB in [0, 1] of shape (N, 3, H, W)")
        size = (self.input_size, self.input_size)
        if images.shape[-2:] != size:
            if self.interpolation == "nearest":
                images = F.interpolate(images, size, mode="nearest-exact")
            else:
                images = F.interpolate(images, size, mode=self.interpolation, antialias=True).clamp(0, 1)
        return (images - self.mean) / self.std


def wrap(
    network: nn.Module,
    *,
    input_size: int,
    mean: Sequence[float] = (0.485, 0.456, 0.406),
    std: Sequence[float] = (0.229, 0.224, 0.225),
    interpolation: str = "bicubic",
) -> PixelModel:
    """Make any ``nn.Module`` classifier take plain pixels.

    Args:
        network: gives logits (N, K) for normalised images (N, 3, input_size, input_size).
        input_size: side in pixels.
        mean, std: normalisation that the network was trained with; ImageNet's by default.

    Raises:
        ModelError: ``network`` is no module, or a setting is out of range.
    """
    if not isinstance(network, nn.Module):
        raise ModelError(f"got {type(network).__name__}, expected a torch.nn.Module")
    return PixelModel(network, input_size=input_size, mean=mean, std=std, interpolation=interpolation)


def _describe(value: object) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
