"""What a thief holds: exactly what a level allows, and never a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.budget import Budget, Clock, Query
from spellock.attacks.customer import Customer
from spellock.attacks.leaked_part import LeakedPart
from spellock.attacks.levels import Asset
from spellock.attacks.public_editor import PublicEditor
from spellock.errors import ConfigError, DataError
from spellock.pixels import from_uint8
from spellock.tasks.pixel_model import PixelModel
from spellock.vision import VisionModel

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class AttackerView:
    """A thief's belongings. Images are uint8 (N, 3, H, W), raw ones as the thief wants them classified.

    Attributes:
        classes: number of real classes, which the model's purpose tells.
        unlabelled: raw images.
        model: the stolen model in evaluation mode, a copy that the attack may change; None where only ``query`` is had.
        query: answers of a model that is not stolen.
        lock_class: place of the lock class where the model's folder says it; None where it has to be found out.
        edited: images edited with the key.
        edited_raw: the same images raw, of the same shape.
        labelled, labels: raw images with their classes, int64 in [0, classes).
        public: weights that anyone may have, in a model of ``classes`` outputs; a copy.
        customer: tells what an unlocked model says to the ``unlabelled`` images.
        editor: what is public of an editor that takes prompts.
        trigger: what is public of one that takes none: its name, the blend and the size.
        key_part: what leaked of a weight key; never all of one, and nothing that it was drawn from.
        looker: a vision-language model that leaked images may be shown to; None for none.
        mirrored: whether images of this kind stay what they are when left and right change places, which a thief sees
            by looking; the locked model's own training tells.
        budget: limits of the attack.
        started: runs since the view was made; None starts it. A view made of this one has the same.
        seed: of all that the attack draws.

    Raises:
        DataError: images of another type or shape, or not one label or partner each.
        ConfigError: neither model nor query, or fewer than two classes.
    """

    classes: int
    unlabelled: Tensor
    model: PixelModel | None = None
    query: Query | None = None
    lock_class: int | None = None
    edited: Tensor | None = None
    edited_raw: Tensor | None = None
    labelled: Tensor | None = None
    labels: Labels | None = None
    public: PixelModel | None = None
    customer: Customer | None = None
    editor: PublicEditor | None = None
    trigger: PublicEditor | None = None
    key_part: LeakedPart | None = None
    looker: VisionModel | None = None
    mirrored: bool = False
    budget: Budget = field(default_factory=Budget)
    started: Clock | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.started is None:
            object.__setattr__(self, "started", self.budget.clock())
        if self.classes < 2:
            raise ConfigError(f"got {self.classes} classes, expected at least 2; one class is no secret")
        if self.model is None and self.query is None:
            raise ConfigError("got neither model nor query, expected what the attack is about; give one of them")
        for name in ("unlabelled", "edited", "edited_raw", "labelled"):
            images = getattr(self, name)
            if images is not None and (images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3):
                raise DataError(
                    f"{name}: got {images.dtype} of shape {tuple(images.shape)}, expected uint8 (N, 3, H, W)"
                )
        if self.edited_raw is not None and (self.edited is None or self.edited.shape != self.edited_raw.shape):
            raise DataError("edited_raw is not one raw image for each edited one, expected two arrays of one shape")
        if (self.labelled is None) != (self.labels is None) or (
            self.labels is not None and self.labelled is not None and self.labels.shape != (len(self.labelled),)
        ):
            raise DataError("got labelled images and labels that do not match, expected one label an image")

    @property
    def assets(self) -> frozenset[Asset]:
        """What is here."""
        held = {
            Asset.QUERIES: True,
            Asset.UNLABELLED: len(self.unlabelled) > 0,
            Asset.EDITOR: self.editor is not None,
            Asset.TRIGGER: self.trigger is not None,
            Asset.WEIGHTS: self.model is not None,
            Asset.EDITED: self.edited is not None,
            Asset.PAIRS: self.edited_raw is not None,
            Asset.LABELS: self.labelled is not None,
            Asset.CUSTOMER: self.customer is not None,
            Asset.PUBLIC: self.public is not None,
            Asset.KEY_PART: self.key_part is not None,
        }
        return frozenset(asset for asset, here in held.items() if here)

    @property
    def clock(self) -> Clock:
        """Tells whether the seconds of the budget are over, for the attack as a whole."""
        assert self.started is not None  # __post_init__ has seen to it
        return self.started

    @property
    def stolen(self) -> PixelModel:
        """The stolen model. Raises `ConfigError` where only queries are allowed."""
        if self.model is None:
            raise ConfigError("this attack needs the model's weights, the thief here may only ask it; give a model")
        return self.model

    @property
    def answer(self) -> Callable[[Tensor], Tensor]:
        """The model as a function: float32 images (N, 3, H, W) in [0, 1] to its outputs (N, K), lock class included."""
        if self.model is not None:
            return self.model
        assert self.query is not None  # __post_init__ checks
        return self.query


def floats(images: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return from_uint8(images)
