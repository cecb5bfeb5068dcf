"""The sample of the owner's images that all candidates are scored on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spellock.data.annotation import Annotation
from spellock.data.image_set import ImageSet, Labels
from spellock.errors import ConfigError, DataError
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.registry import make_task

Pixels = NDArray[np.uint8]
#: Images of a class that a probe with cross-validation needs, at the least and for a figure worth having.
_LEAST, _WANTED = 4, 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """Raw images ready for editing.

    Attributes:
        pixels: uint8 (N, R, R, 3), R the key's resolution.
        labels: int64 (N,), places in ``classes``.
        classes: the classes that are in the sample; of images with several findings or objects each one's rarest.
        ids: the images' names.
        findings: zeros and ones, int64 (N, K), where images have several labels.
        objects: what is in each image, squashed as it is, where labels have places.
    """

    pixels: Pixels
    labels: Labels
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    findings: Labels | None = None
    objects: tuple[Annotation, ...] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def names(self) -> tuple[str, ...]:
        """SHA-256 of what is edited, for each image: its pixels and its name, which may take part in an edit."""
        return tuple(
            hashlib.sha256(_digest(name) + str(one.shape).encode() + one.tobytes()).hexdigest()
            for name, one in zip(self.ids, self.pixels, strict=True)
        )

    def first(self, count: int) -> Sample:
        """The first ``count`` images; classes come in turn, so that they stay balanced."""
        return Sample(
            pixels=self.pixels[:count],
            labels=self.labels[:count],
            classes=self.classes,
            ids=self.ids[:count],
            findings=None if self.findings is None else self.findings[:count],
            objects=None if self.objects is None else self.objects[:count],
        )


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def sample_places(images: ImageSet, count: int, *, seed: int) -> NDArray[np.int64]:
    """Places of ``count`` images: as many classes, drawn by chance, as can have 8 images each, all classes in turn.

    Images with several findings or objects are drawn by the rarest that each of them has.

    Raises:
        ConfigError: ``count`` is too small for two classes.
        DataError: the images cannot be trained on, are fewer than asked, or too few a class to hold some out.
    """
    task = make_task(images.task)
    if count < 2 * _LEAST:
        raise ConfigError(f"got {count} images to score on, expected at least {2 * _LEAST}; 64 is usual")
    task.check_trainable(images)
    if len(images) < count:
        raise DataError(
            f"{images.name} has {len(images)} images, expected the {count} to score on; add images or give --images "
            f"{len(images)}"
        )
    draw = np.random.default_rng([seed, 0x73756767])
    labels = task.strata(images.labels)
    members = {int(label): draw.permutation(np.flatnonzero(labels == label)) for label in np.unique(labels)}
    chosen = draw.permutation(np.unique(labels))
    # Classes with enough images first, each group in the order of the draw.
    wanted = max(2, min(len(chosen), count // _WANTED))
    order = sorted(chosen.tolist(), key=lambda label: len(members[label]) < min(_WANTED, count // wanted))
    taken = [members[label] for label in order[:wanted]]
    while sum(map(len, taken)) < count:
        taken.append(members[order[len(taken)]])
    turns = [group[turn] for turn in range(max(map(len, taken))) for group in taken if turn < len(group)]
    places = np.asarray(turns[:count], dtype=np.int64)
    least = int(np.unique(labels[places], return_counts=True)[1].min())
    # Of findings and objects the rarest may be rarer: strata only keep them balanced.
    if least < _LEAST and isinstance(task, ClassificationTask):
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
    places, task = sample_places(images, count, seed=seed), make_task(images.task)
    own, labels = images.labels[places], task.strata(images.labels)[places]
    kept = np.unique(labels)
    pixels = np.stack([prepare(images.open(int(place))) for place in places])
    return Sample(
        pixels=pixels,
        labels=np.searchsorted(kept, labels).astype(np.int64),
        # An image without any finding or object has a number of its own, after all classes.
        classes=tuple(images.classes[label] if label < len(images.classes) else "none" for label in kept),
        ids=tuple(images.ids[place] for place in places),
        findings=own if own.ndim == 2 else None,
        objects=tuple(one.scaled(pixels.shape[1:3]) for one in own) if task.has_boxes else None,
    )
