"""The images that fine-tuning does not see: pairs for choosing a checkpoint, raw images for the baseline."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.data.image_set import ImageSet
from spellock.errors import DataError
from spellock.key import Key
from spellock.locking.locked_set import LockedSet
from spellock.progress import track

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """The same images raw and edited, uint8 (N, R, R, 3) each, with their true labels over the model's classes."""

    raw: Pixels
    edited: Pixels
    labels: Labels


def held_out_pairs(locked: LockedSet) -> Pairs | None:
    """The pairs that were held out when the set was locked; None where nothing was.

    Raises:
        DataError: a pair is incomplete.
    """
    held = locked.validation()
    if held is None or not len(held[0]):
        return None
    raw, edited = held
    if raw.ids != edited.ids:
        raise DataError(f"got {len(raw)} raw and {len(edited)} edited held-out images, expected pairs; lock again")
    labels = locked.task.align(raw.labels, raw.classes, locked.classes)
    return Pairs(raw=stack(raw), edited=stack(edited), labels=labels)


def raw_images(images: ImageSet, ids: Collection[str], key: Key) -> tuple[Pixels, Labels]:
    """Images named by ``ids``, squashed as the key does it but not edited: uint8 (N, R, R, 3), and labels (N,)."""
    wanted = set(ids)
    indices = [index for index, name in enumerate(images.ids) if name in wanted]
    size, how = (key.resolution, key.resolution), Image.Resampling[key.resize.upper()]
    pixels = np.empty((len(indices), *size, 3), dtype=np.uint8)
    for place, index in track(enumerate(indices), total=len(indices), label="reading raw images"):
        pixels[place] = np.asarray(images.open(index).resize(size, how))
    return pixels, images.labels[indices]


def stack(images: ImageSet) -> Pixels:
    """All images of one size, uint8 (N, H, W, 3)."""
    return np.stack([np.asarray(images.open(index), dtype=np.uint8) for index in range(len(images))])
