"""Images that suspects are asked about: chosen evenly over the classes, raw or edited with a key."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from spellock.data.image_set import ImageSet
from spellock.editors.base import Editor
from spellock.errors import DataError


def choose(images: ImageSet, count: int, *, seed: int, labelled: bool = True) -> NDArray[np.int64]:
    """Sorted places of ``count`` images, by chance, evenly over the classes where labels are true.

    Raises:
        DataError: there are fewer.
    """
    if count > len(images):
        raise DataError(
            f"{images.name} holds {len(images)} images, expected at least {count}; "
            "give more, or a smaller option images"
        )
    order = np.random.default_rng([seed, 0x6F776E]).permutation(len(images))
    if not labelled or images.labels.ndim != 1:
        return np.sort(order[:count])
    # how many of its class come before each image: all firsts are taken, then all seconds
    labels = images.labels[order]
    rank = np.zeros(len(order), dtype=np.int64)
    for label in np.unique(labels):
        members = labels == label
        rank[members] = np.arange(members.sum())
    return np.sort(order[np.argsort(rank, kind="stable")][:count])


def edited(images: ImageSet, places: NDArray[np.int64], editor: Editor) -> Tensor:
    """uint8 (N, 3, R, R): the images at ``places`` edited with the editor's key."""
    prepared = np.stack([editor.prepare(images.open(int(place))) for place in places])
    return _planes(editor.edit_uint8(prepared, [images.ids[int(place)] for place in places]))


def raw(images: ImageSet, places: NDArray[np.int64], side: int) -> Tensor:
    """uint8 (N, 3, H, W): images of one size as they are, others squashed to ``side``."""
    opened = [images.open(int(place)) for place in places]
    if len({image.size for image in opened}) > 1:
        opened = [image.resize((side, side), Image.Resampling.BICUBIC) for image in opened]
    return _planes(np.stack([np.asarray(image, dtype=np.uint8) for image in opened]))


def shown(images: ImageSet, places: NDArray[np.int64], editor: Editor | None, side: int) -> Tensor:
    """Edited where there is an editor, else raw."""
    return raw(images, places, side) if editor is None else edited(images, places, editor)


def _planes(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()
