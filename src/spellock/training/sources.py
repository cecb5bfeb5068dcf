"""Where training images come from: one uint8 array in memory (fast), or a data set read by worker processes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from spellock.errors import DataError
from spellock.training.sampler import Indices

#: Bytes of an array that its digest reads, so that a large one costs no more than a moment.
_DIGESTED: Final = 2**26
_AT_ONCE: Final = 256


class Source(Protocol):
    """Images by number, in batches."""

    def __len__(self) -> int: ...

    def batches(self, plan: Sequence[Indices], generator: torch.Generator) -> Iterator[Tensor]:
        """For each entry of ``plan`` the uint8 images (B, 3, H, W)."""
        ...

    def identity(self) -> str | None:
        """What changes when the images do; None where that cannot be told cheaply."""
        ...


class ArraySource:
    """uint8 images in one array, (N, 3, H, W) or (N, H, W, 3); memory-mapped arrays are read batch by batch.

    Indexing one array is so cheap that no worker processes are used.
    """

    def __init__(self, images: NDArray[np.uint8] | Tensor) -> None:
        if str(images.dtype).removeprefix("torch.") != "uint8":
            raise DataError(
                f"training images: got {images.dtype}, expected uint8 (0 to 255); round and convert them first"
            )
        shape = tuple(images.shape)
        if len(shape) != 4 or (shape[1] != 3 and shape[3] != 3):
            raise DataError(f"training images: got shape {shape}, expected (N, 3, H, W) or (N, H, W, 3)")
        self._images = images
        self._channels_last = shape[1] != 3

    def __len__(self) -> int:
        return len(self._images)

    def batches(self, plan: Sequence[Indices], generator: torch.Generator) -> Iterator[Tensor]:
        for indices in plan:
            if isinstance(self._images, Tensor):
                batch = self._images[torch.from_numpy(indices).to(self._images.device)]
            else:
                batch = torch.from_numpy(np.ascontiguousarray(self._images[indices]))
            yield batch.permute(0, 3, 1, 2) if self._channels_last else batch

    def identity(self) -> str | None:
        """SHA-256 of evenly spaced rows of every image: all of them up to 64 MiB, at least one an image."""
        height, size = self._images.shape[1 if self._channels_last else 2], int(np.prod(self._images.shape))
        step = min(height, max(1, -(-size // _DIGESTED)))
        rows = slice(step // 2, None, step)
        digest = hashlib.sha256(repr(tuple(self._images.shape)).encode())
        for first in range(0, len(self), _AT_ONCE):
            some = self._images[first : first + _AT_ONCE]
            part = some[:, rows] if self._channels_last else some[:, :, rows]
            digest.update(np.ascontiguousarray(part.cpu().numpy() if isinstance(part, Tensor) else part).data)
        return digest.hexdigest()


class DatasetSource:
    """A map-style data set whose items are uint8 images (arrays, tensors, PIL), alone or first in a tuple.

    It may say by a method ``identity()``, which gives text, what its images are: its items may be drawn anew at each
    call, so that they cannot be compared.
    """

    def __init__(self, dataset: Dataset[object], *, workers: int) -> None:
        self._dataset, self._workers = dataset, workers

    def __len__(self) -> int:
        return len(cast(Sequence[object], self._dataset))

    def batches(self, plan: Sequence[Indices], generator: torch.Generator) -> Iterator[Tensor]:
        loader = DataLoader(
            self._dataset,
            batch_sampler=[indices.tolist() for indices in plan],
            num_workers=self._workers,
            collate_fn=_collate,
            generator=generator,
            pin_memory=torch.cuda.is_available(),
        )
        yield from loader

    def identity(self) -> str | None:
        """What the data set says of itself; None where it says nothing."""
        told = getattr(self._dataset, "identity", None)
        return str(told()) if callable(told) else None


def open_source(images: NDArray[np.uint8] | Tensor | Dataset[object], *, workers: int) -> Source:
    """A source over an array, a tensor or a map-style data set.

    Raises:
        DataError: the array has another type or shape than uint8 images, or the data set has no length.
    """
    if isinstance(images, np.ndarray | Tensor):
        return ArraySource(images)
    if not hasattr(images, "__len__") or not hasattr(images, "__getitem__"):
        raise DataError(
            f"training images: got {type(images).__name__}, expected a uint8 array or a map-style data set "
            "with len() and indexing"
        )
    return DatasetSource(images, workers=workers)


def _collate(items: Sequence[object]) -> Tensor:
    try:
        return torch.stack([_planes(item) for item in items])
    except RuntimeError as error:
        raise DataError(
            f"images of one batch differ in size ({error}), expected one size; resize them when reading"
        ) from error


def _planes(item: object) -> Tensor:
    image = item[0] if isinstance(item, tuple | list) else item
    if isinstance(image, Image.Image):
        image = np.array(image.convert("RGB"))
    tensor = torch.from_numpy(image) if isinstance(image, np.ndarray) else image
    if not isinstance(tensor, Tensor):
        raise DataError(
            f"a data set item is a {type(tensor).__name__}, expected a uint8 RGB image (array, tensor or PIL)"
        )
    if tensor.dtype != torch.uint8 or tensor.ndim != 3 or 3 not in (tensor.shape[0], tensor.shape[2]):
        raise DataError(f"a data set item is {tensor.dtype} of shape {tuple(tensor.shape)}, expected a uint8 RGB image")
    return tensor if tensor.shape[0] == 3 else tensor.permute(2, 0, 1)
