"""The space that a key search draws from: a range for every number of a key, around those of the key's preset."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from spellock.editors.presets import PRESETS
from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from ``low`` to ``high``, both included, rounded to ``digits`` places; equal ends give that number alone.

    Raises:
        ConfigError: an end is no number, ``low`` is above ``high``, or ``digits`` is not 0 to 6.
    """

    low: float
    high: float
    digits: int = 2

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise ConfigError(f"got the range {self.low:g} to {self.high:g}, expected two finite numbers")
        if self.low > self.high:
            raise ConfigError(f"got the range {self.low:g} to {self.high:g}, expected the lower end first; swap them")
        if not 0 <= self.digits <= 6:
            raise ConfigError(f"got {self.digits} digits of a range, expected 0 to 6")

    def draw(self, source: random.Random) -> float:
        """A number by chance, all alike; it never leaves the range, whatever the rounding."""
        if self.low == self.high:
            return self.low
        return min(self.high, max(self.low, round(source.uniform(self.low, self.high), self.digits)))


#: Lowest and highest end of each range; the editor's own limits, but for a blend of 0, which is no edit.
_LIMITS: Final[Mapping[str, tuple[float, float]]] = {
    "gamma": (0.01, 1),
    "guidance_scale": (0, 50),
    "image_guidance_scale": (1, 50),
    "steps": (1, 1000),
    "weave": (0, 0.5),
}


@dataclass(frozen=True, kw_only=True)
class Space:
    """What a search may set in a key beside its prompt and its secret.

    Attributes:
        gamma: blend of Eq. 1, in [0.01, 1].
        guidance_scale: text guidance, in [0, 50]; at most 1 means none, which is the quickest edit.
        image_guidance_scale: image guidance, in [1, 50]; takes part with text guidance only.
        steps: of the sampler, whole numbers from 1 to 1000.
        weave: strength of the keyed tile, in [0, 0.5].

    Raises:
        ConfigError: a range leaves its limits, or that of the steps is not of whole numbers.
    """

    gamma: Range
    guidance_scale: Range
    image_guidance_scale: Range
    steps: Range
    weave: Range

    def __post_init__(self) -> None:
        for name, (low, high) in _LIMITS.items():
            own: Range = getattr(self, name)
            if own.low < low or own.high > high:
                raise ConfigError(
                    f"the range of {name} is {own.low:g} to {own.high:g}, expected it within {low:g} to {high:g}"
                )
        if self.steps.digits or self.steps.low % 1 or self.steps.high % 1:
            raise ConfigError("the range of steps is not of whole numbers, expected two of them, as 4 and 6")

    def draw(self, source: random.Random) -> dict[str, float]:
        """A number for every name, each drawn by itself.

        Settings that give the same edit are made one: without text guidance the image guidance is 1.
        """
        drawn = {field.name: getattr(self, field.name).draw(source) for field in fields(self)}
        if drawn["guidance_scale"] <= 1:
            drawn |= {"guidance_scale": min(1.0, self.guidance_scale.high), "image_guidance_scale": 1.0}
        return drawn


def usual_settings(preset: str) -> dict[str, float]:
    """The numbers of the key preset called ``preset``, by the names of `Space`.

    Raises:
        ConfigError: there is no such preset.
    """
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r} to search around; known are {', '.join(PRESETS)}")
    return {field.name: float(getattr(PRESETS[preset], field.name)) for field in fields(Space)}


def space_around(preset: str) -> Space:
    """A space that holds the preset's own numbers.

    The blend goes 0.2 to either side, and steps 2; text guidance from none (half of the draws of the preset
    ``embedded``) to twice the preset's, image guidance to 1.5 times; the weave from half to twice. What a preset has
    none of stays off.

    Raises:
        ConfigError: there is no such preset.
    """
    usual = usual_settings(preset)
    gamma, steps, weave = usual["gamma"], usual["steps"], usual["weave"]
    text, image = usual["guidance_scale"], usual["image_guidance_scale"]
    return Space(
        gamma=Range(low=round(max(0.05, gamma - 0.2), 2), high=round(min(1.0, gamma + 0.2), 2)),
        guidance_scale=Range(low=0.0 if text <= 1 else text / 2, high=2 * text),
        image_guidance_scale=Range(low=1.0, high=1.5 * image),
        steps=Range(low=max(1, steps - 2), high=steps + 2, digits=0),
        weave=Range(low=weave / 2, high=min(0.5, 2 * weave), digits=3),
    )
