"""What the owner, or an auditor, brings: images, the key, the owner's model, unrelated models, known copies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.tasks.pixel_model import PixelModel

#: Seeds below it are whole numbers for every reader of JSON.
_SEEDS: Final = 2**53


def fresh_seed() -> int:
    """A seed that nobody could foresee, from the operating system."""
    return secrets.randbelow(_SEEDS)


class Evidence(StrEnum):
    """One thing that a method may need; the value says it in words."""

    KEY = "the key"
    LABELS = "labels of the images"
    OWN = "the owner's model"
    UNRELATED = "unrelated models"
    PRIVATE = "images that the owner's model was trained on"
    COPIES = "known copies"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A case. Models are used as they are and never trained.

    Attributes:
        images: raw images that no model in the case was trained on.
        labelled: whether their labels are true; the suspect's classes may have another order.
        classes: names of the owner's model's classes in its order; () where the images' order is the model's.
        key: the owner's key.
        own: the owner's model.
        unrelated: models that are known not to go back to the owner's.
        copies: models that are known to.
        private: raw images that the owner's model was trained on, edited or not.
        make_editor: builds an editor from a key.
        seed: of all that is drawn, random keys among it; every verdict names it. By default nobody can foresee it.
            Give one to repeat a verdict: a suspect's maker who knows it before can prepare the model for what is drawn.

    Raises:
        DataError: no images, or several labels an image.
        ConfigError: the seed is below 0.
    """

    images: ImageSet
    labelled: bool = True
    classes: tuple[str, ...] = ()
    key: Key | None = None
    own: PixelModel | None = None
    unrelated: tuple[PixelModel, ...] = ()
    copies: tuple[PixelModel, ...] = ()
    private: ImageSet | None = None
    make_editor: Callable[[Key], Editor] = field(default=load_editor, repr=False)
    seed: int = field(default_factory=fresh_seed)

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"got seed {self.seed}, expected 0 or more")
        if not len(self.images):
            raise DataError(f"{self.images.name} holds no images, expected raw images to ask the suspect about")
        if self.private is not None and not len(self.private):
            raise DataError(
                f"{self.private.name} holds no images, expected images that the owner's model was trained on"
            )

        if self.labelled and self.images.labels.ndim != 1:
            raise DataError(
                f"{self.images.name} has several labels an image, expected one; say that its labels do not count"
            )

    @property
    def evidence(self) -> frozenset[Evidence]:
        """What is here."""
        here = {
            Evidence.KEY: self.key is not None,
            Evidence.LABELS: self.labelled,
            Evidence.OWN: self.own is not None,
            Evidence.UNRELATED: bool(self.unrelated),
            Evidence.PRIVATE: self.private is not None,
            Evidence.COPIES: bool(self.copies),
        }
        return frozenset(one for one, held in here.items() if held)

    def require(self, needs: frozenset[Evidence]) -> None:
        """Raise `ConfigError` where something is lacking."""
        if missing := sorted(needs - self.evidence):
            raise ConfigError(f"this method needs {' and '.join(missing)}, the case here has none; add it")

    @property
    def own_labels(self) -> NDArray[np.int64]:
        """Labels of the images (N,) as places among the classes of the owner's model.

        Raises:
            DataError: an image has a class that the model has not.
        """
        if not self.classes:
            return self.images.labels
        places = {name: place for place, name in enumerate(self.classes)}
        unknown = [name for name in self.images.classes if name not in places]
        if unknown:
            raise DataError(
                f"{self.images.name} has a class {unknown[0]!r} that the owner's model has not, expected only "
                f"{', '.join(self.classes[:5])}, ...; name the folders as in training"
            )
        return np.array([places[name] for name in self.images.classes], dtype=np.int64)[self.images.labels]

    @property
    def editor(self) -> Editor | None:
        """The key's editor; None without a key."""
        return None if self.key is None else self.make_editor(self.key)
