"""The noise editor: one Gaussian image from the secret is added to every image (the key of FMLock)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from spellock.editors.device import pick_device
from spellock.editors.neighbours import changed_in_turn
from spellock.editors.registry import register_editor
from spellock.editors.settings import parse_settings
from spellock.editors.trigger import TriggerEditor
from spellock.errors import ConfigError
from spellock.key import Key, Scalar
from spellock.keystream import Keystream

_STEPS: Final = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class NoiseSettings:
    """What a key says to the noise editor.

    Attributes:
        amplitude: standard deviation of the noise in units of the full range of a pixel, above 0 and at most 1. FMLock
            gives no number; the default is about 25 of 255 levels.

    Raises:
        ConfigError: a value is out of range.
    """

    amplitude: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.amplitude <= 1:
            raise ConfigError("the key's setting amplitude is out of range, expected above 0 and at most 1")

    def __repr__(self) -> str:
        return "NoiseSettings(<hidden>)"


@register_editor("noise", NoiseSettings)
class NoiseEditor(TriggerEditor):
    """x' = clamp(x + amplitude z) to [0, 1] with one standard Gaussian image z for all images.

    Args:
        key: its settings must be `NoiseSettings`.
        device: where the edit runs.
        batch_size: see `Editor`.

    Raises:
        ConfigError: a setting is not valid.
        EditorError: the device cannot be used.
    """

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Other amplitudes of the same noise."""
        own = parse_settings(NoiseSettings, key.settings, editor="noise").amplitude
        steps = [step / _STEPS for step in range(1, _STEPS + 1)]
        group: list[dict[str, Scalar]] = [{"amplitude": step} for step in steps if abs(step - own) >= 0.5 / _STEPS]
        yield from changed_in_turn(key, [group], seed=seed)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__(key, batch_size=batch_size)
        self.settings = parse_settings(NoiseSettings, key.settings, editor="noise")
        side = key.resolution
        drawn = Keystream(key, "noise image").normal(3 * side * side).reshape(3, side, side)
        self._noise = (torch.from_numpy(drawn) * self.settings.amplitude).to(pick_device(device))

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """The noisy images: float32 (B, 3, R, R) in [0, 1]."""
        return (images.to(self._noise.device) + self._noise).clamp(0, 1).cpu()
