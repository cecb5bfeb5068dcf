"""A folder of images without labels: its files by name, their partners in another folder, their pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from spellock.data.decode import decode_image
from spellock.data.walk import files_below
from spellock.errors import DataError

_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm", ".tif", ".tiff"})


def image_files(folder: Path) -> dict[str, Path]:
    """Images below ``folder`` by their place in it without the suffix, in the order of their names.

    Raises:
        DataError: no folder, one that cannot be looked into, no image in it, or two that differ in their suffix only.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder, expected one of images; check the path")
    found = files_below(folder, _SUFFIXES, hidden=True)
    if not found:
        raise DataError(f"the folder {folder} holds no images, expected files such as .png or .jpg")
    named = {path.relative_to(folder).with_suffix("").as_posix(): path for path in found}
    if len(named) < len(found):
        raise DataError(f"the folder {folder} holds images that differ in their suffix only; keep one of each name")
    return named


def partners_of(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """The images below ``folder`` that have the names of ``files``, in their order; others there are left out.

    Raises:
        DataError: some have no partner, or as `image_files`.
    """
    known = image_files(folder)
    if missing := [name for name in files if name not in known]:
        raise DataError(
            f"{folder} has no partner of {len(missing)} images, {files[missing[0]].name} for one; give a file of the "
            "same name for each"
        )
    return {name: known[name] for name in files}


def pixels_of(paths: Sequence[Path], *, squashed_to: tuple[int, int] | None = None) -> Tensor:
    """uint8 (N, 3, H, W) of images of one size, or ``squashed_to`` a width and height.

    Raises:
        DataError: an image cannot be read, or they are of several sizes.
    """
    images = [decode_image(path, name=str(path)) for path in paths]
    if squashed_to is not None:
        images = [image.resize(squashed_to, Image.Resampling.BICUBIC) for image in images]
    sizes = Counter(image.size for image in images)
    if len(sizes) > 1:
        some = " and ".join(f"{width}x{height}" for width, height in list(sizes)[:2])
        raise DataError(
            f"the images of {paths[0].parent} are of several sizes ({some}), expected one; sort them by size"
        )
    pixels = np.stack([np.asarray(image, dtype=np.uint8) for image in images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()
