"""The warp editor: WaNet (Nguyen and Tran, 2021), a smooth warping field drawn from the secret (ModelLock, Table 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.editors.device import pick_device
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.keystream import Keystream

#: The published settings were chosen on images of this side.
_REFERENCE_SIDE: Final = 32


@dataclass(frozen=True, kw_only=True, repr=False)
class WarpSettings:
    """What a key says to the warp editor.

    Attributes:
        k: side of the control grid, 2 to 128; the paper uses 4, ModelLock 32.
        s: strength; the mean displacement is about s/2 pixels along each axis at 32 px. Above 0, at most 64.
        grid_rescale: factor of the finished grid, 0.5 to 2; below 1 it also zooms in.
        scale_with_size: multiply s by side/32, so that the same content moves at every resolution. Without it the
            displacement is the same number of pixels at every resolution, as in the paper.

    Raises:
        ConfigError: a value is out of range.
    """

    k: int = 4
    s: float = 0.5
    grid_rescale: float = 1.0
    scale_with_size: bool = True

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("k", self.k, 2, 128),
            ("s", self.s, 0, 64),
            ("grid_rescale", self.grid_rescale, 0.5, 2),
        ):
            if not low <= value <= high:
                raise ConfigError(f"the key's setting {name} is out of range, expected {low} to {high}; change it")
        if self.s == 0:
            raise ConfigError("the key's setting s is 0, which warps nothing; expected more than 0, such as 0.5")


@register_editor("warp", WarpSettings)
class WarpEditor(TriggerEditor):
    """G(x) = x sampled at a warped grid, bilinear, in float64, the same grid for all images.

    Args:
        key: its settings must be `WarpSettings`; the control grid comes from its secret.
        device: PyTorch device of the sampling.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid.
        EditorError: the device cannot be used.
    """

    canonical_batch = 8
    moves_pixels = True

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        settings = parse_settings(WarpSettings, key.settings, editor="warp")
        drawn = Keystream(key, "warp control grid").uniform(2 * settings.k**2)
        control = torch.from_numpy(2 * drawn - 1).view(2, settings.k, settings.k)
        grid = warp_grid(control, side=key.resolution, strength=_strength(settings, key.resolution))
        self._grid = (grid * settings.grid_rescale).clamp(-1, 1).to(pick_device(device))

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x): float32 (B, 3, R, R) in [0, 1]."""
        grid = self._grid.expand(len(images), -1, -1, -1)
        moved = F.grid_sample(images.to(grid), grid, mode="bilinear", padding_mode="zeros", align_corners=True)
        return moved.clamp(0, 1).float().cpu()


def warp_grid(control: Tensor, *, side: int, strength: float) -> Tensor:
    """Sampling positions (1, side, side, 2), x before y, in the [-1, 1] of `torch.nn.functional.grid_sample`.

    Args:
        control: (2, k, k), x before y; only the ratios of its values matter, since it is divided by their mean size.
        side: of the images in pixels.
        strength: s of the paper: the field is multiplied by s/side.
    """
    control = control / control.abs().mean()
    field = F.interpolate(control[None], size=(side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    axis = torch.linspace(-1, 1, side, dtype=control.dtype)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack((columns, rows), dim=-1)[None] + strength * field / side


def _strength(settings: WarpSettings, side: int) -> float:
    return settings.s * side / _REFERENCE_SIDE if settings.scale_with_size else settings.s
