"""Edited images that really leaked, out of a folder, in the place of ones that the owner's key makes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from spellock.data.image_files import image_files, partners_of, pixels_of
from spellock.errors import DataError


@dataclass(frozen=True, kw_only=True, eq=False)
class Leaks:
    """Leaked images, uint8 (N, 3, R, R), and the same raw where these leaked too."""

    edited: Tensor
    raw: Tensor | None = None

    def __len__(self) -> int:
        return len(self.edited)


def read_leaks(edited: Path, raw: Path | None = None, *, side: int | None = None) -> Leaks:
    """Read the images below ``edited``, in the order of their names, and their raw versions below ``raw``.

    Args:
        raw: holds a file of the same name, whatever its suffix, for each edited image. Raw images of another size are
            squashed to the size of the edited ones, as an edit does.
        side: that the images must have, where a key says so.

    Raises:
        DataError: no folder, no image in it, an image that cannot be read, images of several sizes, not square or not
            of ``side``, or raw versions that are missing.
    """
    files = image_files(edited)
    pixels = pixels_of(list(files.values()))
    height, width = pixels.shape[-2:]
    if width != height:
        raise DataError(f"the leaked images of {edited} are {width}x{height}, expected squares, as editors make them")
    if side is not None and width != side:
        raise DataError(
            f"the leaked images of {edited} are {width}x{width} and the key edits at {side}x{side}; give images that "
            "were edited with this key, as they were sent"
        )
    if raw is None:
        return Leaks(edited=pixels)
    partners = partners_of(files, raw)
    return Leaks(edited=pixels, raw=pixels_of(list(partners.values()), squashed_to=(width, width)))
