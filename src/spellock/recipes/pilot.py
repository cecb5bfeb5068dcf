"""Short locked fine-tunings of a few prompts: their settings, their images, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from spellock.data.image_set import ImageSet, check_trainable
from spellock.errors import ConfigError
from spellock.evaluation.halves import stratified_subset
from spellock.locking.config import LockConfig
from spellock.recipes.demo import take_test
from spellock.recipes.model_choice import ModelChoice
from spellock.training.config import FinetuneConfig

FIGURES: Final = ("up", "lp", "hardened_lp")
#: Share of a pilot's images that it is measured on.
_HELD_OUT: Final = 0.25


@dataclass(frozen=True, kw_only=True)
class PilotConfig:
    """A lock in small: raw twins, no decoys, few images and epochs.

    Attributes:
        choice: the model that is fine-tuned.
        count: of how many prompts, 1 to 100.
        images: how many of the owner's images take part, a quarter of them held out to measure on; at least 16.
        lock: how the set is locked.
        training: how the model is trained on it.
        wrong_keys: how many are tried for hardened LP.
        seed: of images, training and evaluation.
        confirms: hold out images on which no pilot with the seed before this one is judged.

    Raises:
        ConfigError: a number is out of range.
    """

    choice: ModelChoice
    count: int = 3
    images: int = 400
    lock: LockConfig = field(default_factory=lambda: LockConfig(raw_twins=True, validation=0.0))
    training: FinetuneConfig = field(
        default_factory=lambda: FinetuneConfig(epochs=5, batch_size=32, unauthorised_share=0.5, augment="crop")
    )
    wrong_keys: int = 4
    seed: int = 0
    confirms: bool = field(default=False, repr=False)  # the name of a finished pilot comes from what is shown

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 100:
            raise ConfigError(f"the pilot's number of prompts is {self.count}, expected 1 to 100")
        if self.images < 16:
            raise ConfigError(f"the pilot has {self.images} images, expected at least 16; 400 is usual")
        if self.confirms and self.seed < 1:
            raise ConfigError(f"a confirming pilot has the seed {self.seed}, expected one more than another pilot's")


@dataclass(frozen=True, kw_only=True)
class Pilot:
    """What a short lock came to; shares in [0, 1], too short to be more than a comparison between prompts."""

    prompt: str = field(repr=False)
    up: float
    lp: float
    hardened_lp: float

    def line(self) -> str:
        """One line, in percent; it holds the prompt."""
        figures = {"UP": self.up, "LP": self.lp, "hardened LP": self.hardened_lp}
        return "  ".join([*(f"{name} {100 * value:5.1f}" for name, value in figures.items()), self.prompt])

    @property
    def gap(self) -> float:
        """UP - hardened LP, what pilots are compared by; in [-1, 1]."""
        return self.up - self.hardened_lp

    def figures(self) -> dict[str, float]:
        """The figures by name, to six digits."""
        return {name: round(getattr(self, name), 6) for name in FIGURES}

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"prompt": self.prompt, **self.figures()}


def pilot_images(images: ImageSet, config: PilotConfig) -> tuple[ImageSet, ImageSet]:
    """The images that pilots train on, and those that they are measured on.

    Raises:
        DataError: they are too few, or of one class.
    """
    chosen = images.subset(stratified_subset(images.labels, config.images, seed=config.seed))
    check_trainable(chosen)
    free, leave = chosen, 1
    if config.confirms:
        _, judged = pilot_images(images, replace(config, seed=config.seed - 1, confirms=False))
        free = _without(chosen, judged.ids)
        # What was judged trains this time; of a class without such images one stays.
        leave = int(len(np.unique(chosen.labels[np.isin(chosen.ids, judged.ids)])) < len(images.classes))
    # As many as without it: the less there is to choose from, the larger the share.
    _, test = take_test(free, _HELD_OUT * len(chosen) / len(free), seed=config.seed, leave=leave)
    train = _without(chosen, test.ids)
    check_trainable(train)
    return train, test


def _without(images: ImageSet, ids: Collection[str]) -> ImageSet:
    names = set(ids)
    return images.subset([place for place, name in enumerate(images.ids) if name not in names])


def pilot_edits(images: ImageSet, config: PilotConfig) -> int:
    """How many edits a pilot makes at the most: training images, decoys, and what is measured under each key.

    Raises:
        DataError: see `pilot_images`.
    """
    train, test = pilot_images(images, config)
    decoys = config.lock.decoys or math.ceil((config.lock.decoy_share or 0.0) * len(train))
    return len(train) + decoys + (1 + config.wrong_keys) * len(test)
