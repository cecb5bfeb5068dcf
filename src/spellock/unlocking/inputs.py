"""Whatever images come in - paths, Pillow images, arrays, tensors, one or many - as a stream of named RGB images."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.errors import DataError
from spellock.pixels import check_images, to_uint8

OneInput = str | Path | Image.Image | NDArray[np.uint8] | torch.Tensor
Inputs = OneInput | Iterable[OneInput]
T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """One decoded image and what to call it."""

    source: str
    image: Image.Image


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """An input that could not be read, and why."""

    source: str
    reason: str


def without_skipped(results: Iterable[T | Skipped]) -> list[T]:
    """The results of all inputs that could be read; the others are named in the log."""
    done: list[T] = []
    for result in results:
        if isinstance(result, Skipped):
            _log.warning("skipped: %s", result.reason)
        else:
            done.append(result)
    return done


def open_inputs(
    inputs: Inputs, *, skip_broken: bool = False, max_pixels: int = MAX_PIXELS
) -> Iterator[Opened | Skipped]:
    """Yield every image of ``inputs`` in order, decoding only when asked for the next.

    Args:
        inputs: a path; a Pillow image of any mode; uint8 RGB or grey arrays (H, W), (H, W, 3) or (N, H, W, 3); float32
            tensors (3, H, W) or (N, 3, H, W) in [0, 1]; or an iterable of any of these, generators included.
        skip_broken: yield `Skipped` for an image that cannot be read instead of raising.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: an input is unreadable (its name is in the message) or of a kind that is not understood.
        PixelError: a tensor breaks the pixel contract.
    """
    number = 0
    for one in _several(inputs):
        name = str(one) if isinstance(one, str | Path) else f"input {number}"
        try:
            for image in _images(one, name, max_pixels):
                yield Opened(source=name if isinstance(one, str | Path) else f"input {number}", image=image)
                number += 1
        except DataError as error:
            if not skip_broken:
                raise
            yield Skipped(source=name, reason=str(error))
            number += 1


def _several(inputs: Inputs) -> Iterable[OneInput]:
    if isinstance(inputs, str | Path | Image.Image | np.ndarray | torch.Tensor):
        return [inputs]
    if not isinstance(inputs, Iterable) or isinstance(inputs, bytes | dict):
        raise DataError(
            f"got a {type(inputs).__name__} to predict on, expected paths, Pillow images, uint8 arrays or float tensors"
        )
    return inputs


def _images(one: OneInput, name: str, max_pixels: int) -> Iterator[Image.Image]:
    if isinstance(one, str | Path):
        yield decode_image(Path(one), name=name, max_pixels=max_pixels)
    elif isinstance(one, Image.Image):
        yield decode_image(one, name=name, max_pixels=max_pixels)
    elif isinstance(one, torch.Tensor):
        batch = check_images(one[None] if one.ndim == 3 else one, what=name)
        if 0 in batch.shape[2:]:
            raise DataError(f"{name}: got a tensor of shape {tuple(one.shape)}, expected at least one pixel")
        yield from (Image.fromarray(row) for row in to_uint8(batch.detach().cpu()).permute(0, 2, 3, 1).numpy())
    elif isinstance(one, np.ndarray):
        yield from (Image.fromarray(row).convert("RGB") for row in _rows(one, name))
    else:
        raise DataError(
            f"{name} is a {type(one).__name__}, expected a path, a Pillow image, a uint8 array or a float tensor"
        )


def _rows(array: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    if array.dtype != np.uint8:
        raise DataError(
            f"{name}: got an array of {array.dtype}, expected uint8 in 0..255; floats in [0, 1] go in as tensors"
        )
    grey_or_colour = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    several = array.ndim == 4 and array.shape[3] == 3
    if not (grey_or_colour or several) or 0 in array.shape[-3:]:
        raise DataError(f"{name}: got an array of shape {array.shape}, expected (H, W), (H, W, 3) or (N, H, W, 3)")
    return np.ascontiguousarray(array if several else array[None])
