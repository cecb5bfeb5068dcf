"""The photo filter editor: Nashville, which ModelLock compares with (Table 5), and its 25 kin."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spellock.editors.blend_modes import BLEND_MODES, composite, faded, tone
from spellock.editors.device import pick_device
from spellock.editors.filter_layers import Colour, Gradient, Layer, Split, Tone, draw_mask
from spellock.editors.filter_table import FILTERS
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import Key
from spellock.pixels import from_uint8, to_uint8


@dataclass(frozen=True, kw_only=True, repr=False)
class PhotoFilterSettings:
    """What a key says to the photo filter editor.

    Attributes:
        name: of the filter, one of `FILTERS`. It is all of the key that matters: 26 names are quickly tried.

    Raises:
        ConfigError: there is no filter of that name.
    """

    name: str = "nashville"

    def __post_init__(self) -> None:
        if self.name not in FILTERS:
            near = difflib.get_close_matches(self.name, FILTERS, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise ConfigError(f"the key's photo filter is unknown; {hint}known are {', '.join(FILTERS)}")


@register_editor("photo_filter", PhotoFilterSettings)
class PhotoFilterEditor(TriggerEditor):
    """G(x) of one of `FILTERS`, in bytes throughout. The secret takes no part.

    Args:
        key: its settings must be `PhotoFilterSettings`.
        device: PyTorch device.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid.
        EditorError: the device cannot be used.
    """

    canonical_batch = 8

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        settings = parse_settings(PhotoFilterSettings, key.settings, editor="photo_filter")
        self._steps = FILTERS[settings.name]
        self._device = pick_device(device)

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """Never: a filter is its published constants."""
        return False

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """All other filters, in an order drawn from ``seed``."""
        others = [name for name in FILTERS if name != key.settings.get("name", PhotoFilterSettings.name)]
        random.Random(seed).shuffle(others)
        return (key.with_settings(name=name) for name in others)

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x): float32 (B, 3, R, R) in [0, 1]."""
        levels = to_uint8(images.to(self._device)).int()
        for step in self._steps:
            levels = tone(levels, step.kind, step.amount) if isinstance(step, Tone) else _applied(levels, step)
        return from_uint8(levels).cpu()


def _applied(levels: Tensor, step: Layer | Split | None) -> Tensor:
    """The step's result on levels (B, 3, R, R) of 0..255 in int32."""
    if step is None:
        return levels
    if isinstance(step, Layer):
        blended = BLEND_MODES[step.mode](levels, _source(levels, step.source))
        return faded(levels, blended, alpha=step.alpha, opacity=step.opacity)
    mask = draw_mask(step.mask, levels.shape[-1]).to(levels.device)
    mixed = composite(_applied(levels, step.inside), _applied(levels, step.outside), mask)
    return faded(levels, mixed, alpha=1.0, opacity=step.opacity)


def _source(levels: Tensor, source: Colour | Gradient | Layer | Split) -> Tensor:
    if isinstance(source, Layer | Split):
        return _applied(levels, source)
    if isinstance(source, Gradient):
        drawn = _filled(levels, source.colours[0])
        for mask, colour in zip(source.masks(), source.colours[1:], strict=True):
            whites = draw_mask(mask, levels.shape[-1]).to(levels.device)
            drawn = composite(drawn, _filled(levels, colour), whites)
        return drawn
    return _filled(levels, source)


def _filled(levels: Tensor, colour: Colour) -> Tensor:
    return torch.tensor(colour, dtype=torch.int32, device=levels.device).view(1, 3, 1, 1)
