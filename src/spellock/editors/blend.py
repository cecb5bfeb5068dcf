"""The blend editor: one pattern laid over every image (the Blend lock of ModelLock's Table 5; Chen et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.editors.device import pick_device
from spellock.editors.neighbours import changed_in_turn, redrawn
from spellock.editors.pattern_file import check_pair, read_pattern
from spellock.editors.patterns import coloured_cells
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import Key, Scalar
from spellock.pixels import from_uint8, to_uint8

_STEPS: Final = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class BlendSettings:
    """What a key says to the blend editor.

    Attributes:
        alpha: share of the pattern, above 0 and at most 1; ModelLock and BackdoorBench take 0.2.
        cells: cells a side of the pattern that the secret draws, from 1 to the key's resolution.
        image: a file with the pattern instead, of the key's resolution; ``image_digest`` is its SHA-256.

    Raises:
        ConfigError: a value is out of range or two contradict each other.
    """

    alpha: float = 0.2
    cells: int = 8
    image: str | None = None
    image_digest: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ConfigError("the key's setting alpha is out of range, expected above 0 and at most 1")
        if self.cells < 1:
            raise ConfigError("the key's setting cells is out of range, expected 1 or more cells a side")
        check_pair(self.image, self.image_digest)

    def __repr__(self) -> str:
        return "BlendSettings(<hidden>)"


@register_editor("blend", BlendSettings)
class BlendEditor(TriggerEditor):
    """x' = (1 - alpha) x + alpha p with one pattern p for all images.

    Args:
        key: its settings must be `BlendSettings`.
        device: where the edit runs.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid, or there are more cells than pixels.
        EditorError: the pattern image is missing, of another size, or not the key's; or the device cannot be used.
    """

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """A pattern from a file is the same whatever the secret."""
        return key.settings.get("image") is None

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Other shares of the same pattern, and other numbers of cells; for a key with an image also other patterns."""
        settings = parse_settings(BlendSettings, key.settings, editor="blend")
        steps = [step / _STEPS for step in range(1, _STEPS + 1)]
        groups: list[list[dict[str, Scalar]]] = [
            [{"alpha": step} for step in steps if abs(step - settings.alpha) >= 0.5 / _STEPS]
        ]
        if settings.image is not None:
            drawn = redrawn(key.with_settings(image=None, image_digest=None), seed=seed)
            for near in changed_in_turn(key, groups, seed=seed):
                yield next(drawn)
                yield near
            yield from drawn
        counts = sorted({settings.cells // 2, settings.cells - 1, settings.cells + 1, settings.cells * 2})
        groups.append([{"cells": count} for count in counts if 1 <= count <= key.resolution])
        yield from changed_in_turn(key, groups, seed=seed)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.settings = parse_settings(BlendSettings, key.settings, editor="blend")
        self._pattern = torch.tensor(self._draw()).permute(2, 0, 1).double().to(pick_device(device))

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """The blended images: float32 (B, 3, R, R) in [0, 1]."""
        # Of bytes and in float64, rounded half to even here, so that ties are ties on every machine.
        levels = to_uint8(images).to(self._pattern.device).double()
        mixed = (1 - self.settings.alpha) * levels + self.settings.alpha * self._pattern
        return from_uint8(mixed.round().clamp(0, 255).to(torch.uint8)).cpu()

    def _draw(self) -> NDArray[np.uint8]:
        side, image, digest = self.key.resolution, self.settings.image, self.settings.image_digest
        if image is not None and digest is not None:
            return read_pattern(image, digest, side=side, what="the key's resolution")
        if self.settings.cells > side:
            raise ConfigError(
                f"the key's pattern has {self.settings.cells} cells a side, more than the {side} pixels of its images; "
                "make the key with fewer cells or a larger resolution"
            )
        return coloured_cells(self.key, cells=self.settings.cells, side=side)
