"""Image folders: one sub-folder a class, optionally below one folder a split."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from PIL import Image

from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError, checked_labels
from spellock.data.splits import SPLIT_NAMES, choose_split
from spellock.data.walk import files_below
from spellock.errors import DataError

_log = logging.getLogger(__name__)
SUFFIXES: Final = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".bmp",
        ".gif",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".jp2",
        ".avif",
        ".tga",
    )
)


class FolderSet(ImageSet):
    """``root/<class>/**/<image>``, or ``root/<split>/<class>/**/<image>``; classes and images in alphabetical order.

    Hidden files and folders and files that are no images by their suffix are passed over. A class sub-folder without
    images
    stays a class: `spellock.data.image_set.check_trainable` complains about it, reading a test set does not.
    """

    def __init__(
        self,
        root: Path,
        *,
        split: str | None = None,
        classes: Sequence[str] | None = None,
        on_error: OnError = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Look through the folder; no image is opened.

        Args:
            root: the folder.
            split: sub-folder of the split; None takes "train" or the only one, when there are splits.
            classes: class names in label order; None takes the sub-folders.
            on_error: see `ImageSet.decoded`; also whether a folder in a class that cannot be looked into stops, or is
                named and left out.
            max_pixels: see `decode_image`.

        Raises:
            DataError: the folder is missing, unreadable, empty or has no class sub-folders.
        """
        self.name, self.on_error, self._max_pixels = str(root), on_error, max_pixels
        self._root, base = root, self._base(root, split)
        found = _folders(base)
        for name in found:
            if not _is_text(name):
                raise DataError(f"the sub-folder {name!r} of {base} has a name that is not UTF-8 text; rename it")
        if not found:
            hint = (
                "it holds images but no class sub-folders; put each class in its own"
                if files_below(base, SUFFIXES)
                else "it is empty; check the path"
            )
            raise DataError(f"{base} is not an image folder with one sub-folder a class: {hint}")
        self.classes = tuple(classes) if classes is not None else tuple(found)
        unknown = sorted(set(found) - set(self.classes))
        if unknown:
            raise DataError(
                f"{base} has a sub-folder {unknown[0]!r} that is none of the {len(self.classes)} classes expected"
            )
        self.ids, labels = [], []
        for label, name in enumerate(self.classes):
            paths = files_below(base / name, SUFFIXES, complain=self._closed()) if name in found else []
            self.ids += [path.relative_to(root).as_posix() for path in paths]
            labels += [label] * len(paths)
        if not self.ids:
            raise DataError(
                f"{base} has {len(found)} class sub-folders but no images in them; expected files like .png or .jpg"
            )
        self.labels = checked_labels(labels, len(self.classes), self.name)

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        path = self._root / self.ids[index]
        return decode_image(path, name=str(path), max_pixels=self._max_pixels)

    def _closed(self) -> Callable[[Path, str], None] | None:
        """What is told of sub-folders that cannot be looked into."""
        return None if self.on_error == "fail" else lambda _, problem: _log.warning("skipped: %s", problem)

    @staticmethod
    def _base(root: Path, split: str | None) -> Path:
        if not root.exists():
            raise DataError(f"{root} does not exist; check the path")
        if not root.is_dir():
            raise DataError(f"{root} is a file, expected a folder with one sub-folder a class, or a .parquet file")
        splits, only = splits_of(root)
        if split is not None or only:
            root = root / choose_split(splits, split, str(root))
        found = _folders(root)
        # A locked set, among others, keeps its classes below "images".
        if found == ["images"] and _folders(root / "images"):
            return root / "images"
        return root


def splits_of(root: Path) -> tuple[list[str], bool]:
    """Sub-folders of ``root`` that may be splits, and whether there are some and no others."""
    found = _folders(root)
    splits = [name for name in found if name.lower() in SPLIT_NAMES and _folders(root / name)]
    return splits, bool(splits) and len(splits) == len(found)


def _is_text(name: str) -> bool:
    """Whether a name can be written to files; those that are not UTF-8 on disk cannot."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _folders(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith(".") and entry.is_dir())
    except OSError as error:
        raise DataError(f"cannot look into {folder}: {error.strerror}; check its permissions") from error
