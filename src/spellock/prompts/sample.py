"""The sample of the owner's images that all candidates are scored on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spellock.data.image_set import ImageSet, Labels, check_trainable
from spellock.errors import ConfigError, DataError

Pixels = NDArray[np.uint8]
#: Images of a class that a probe with cross-validation needs, at the least and for a figure worth having.
_LEAST, _WANTED = 4, 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Raw images ready for editing.

    Attributes:
        pixels: uint8 (N, R, R, 3), R the key's resolution.
        labels: int64 (N,), places in ``classes``.
        classes: the classes that are in the sample.
        ids: the images' names.
    """

    pixels: Pixels
    labels: Labels
    classes: tuple[str, ...]
    ids: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def names(self) -> tuple[str, ...]:
        """SHA-256 of what is edited, for each image: its pixels and its name, which may take part in an edit."""
        return tuple(
            hashlib.sha256(hashlib.sha256(name.encode()).digest() + str(one.shape).encode() + one.tobytes()).hexdigest()
            for name, one in zip(self.ids, self.pixels, strict=True)
        )

    def first(self, count: int) -> Sample:
        """The first ``count`` images; classes come in turn, so that they stay balanced."""
        return Sample(
            pixels=self.pixels[:count], labels=self.labels[:count], classes=self.classes, ids=self.ids[:count]
        )


def sample_places(images: ImageSet, count: int, *, seed: int) -> NDArray[np.int64]:
    """Places of ``count`` images: as many classes, drawn by chance, as can have 8 images each, all classes in turn.

    Raises:
        ConfigError: ``count`` is too small for two classes.
        DataError: no images, one class, fewer images than asked, or too few a class to hold some out.
    """
    if count < 2 * _LEAST:
        raise ConfigError(f"got {count} images to score on, expected at least {2 * _LEAST}; 64 is usual")
    check_trainable(images)
    if len(images) < count:
        raise DataError(
            f"{images.name} has {len(images)} images, expected the {count} to score on; add images or give --images "
            f"{len(images)}"
        )
    draw = np.random.default_rng([seed, 0x73756767])
    members = {
        int(label): draw.permutation(np.flatnonzero(images.labels == label)) for label in np.unique(images.labels)
    }
    chosen = draw.permutation(len(images.classes))
    # Classes with enough images first, each group in the order of the draw.
    wanted = max(2, min(len(chosen), count // _WANTED))
    order = sorted(chosen.tolist(), key=lambda label: len(members[label]) < min(_WANTED, count // wanted))
    taken = [members[label] for label in order[:wanted]]
    while sum(map(len, taken)) < count:
        taken.append(members[order[len(taken)]])
    turns = [group[turn] for turn in range(max(map(len, taken))) for group in taken if turn < len(group)]
    places = np.asarray(turns[:count], dtype=np.int64)
    least = int(np.unique(images.labels[places], return_counts=True)[1].min())
    if least < _LEAST:
        raise DataError(
            f"{images.name} has only {least} images of a class that is needed for {count} images, expected at least "
            f"{_LEAST} a class so that some can be held out; add images or give a smaller --images"
        )
    return places


def take_sample(images: ImageSet, count: int, prepare: Callable[[Image.Image], Pixels], *, seed: int) -> Sample:
    """``count`` images of ``images``, prepared for editing; see `sample_places`.

    Raises:
        ConfigError, DataError: see `sample_places`; or an image cannot be decoded.
    """
    places = sample_places(images, count, seed=seed)
    labels = images.labels[places]
    kept = np.unique(labels)
    return Sample(
        pixels=np.stack([prepare(images.open(int(place))) for place in places]),
        labels=np.searchsorted(kept, labels).astype(np.int64),
        classes=tuple(images.classes[label] for label in kept),
        ids=tuple(images.ids[place] for place in places),
    )
