"""Write an image folder that tells nothing but pixels and classes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from spellock.artefacts import storage_errors
from spellock.errors import DataError

#: Modification time of every file and folder written: 2000-01-01, UTC.
CONSTANT_TIME: Final = 946_684_800


def check_folder_names(classes: Sequence[str]) -> None:
    """Check that every class name can be a folder name.

    Raises:
        DataError: names a class that cannot.
    """
    for name in classes:
        if (
            not name
            or name != name.strip()
            or name[0] == "."
            or any(letter in "/\\:\0\n\r" or "\ud800" <= letter <= "\udfff" for letter in name)
            or len(name.encode()) > 200
        ):
            raise DataError(
                f"the class name {name!r} cannot be a folder name; rename the class or use the parquet layout"
            )
    if len({name.casefold() for name in classes}) < len(classes):
        raise DataError(
            "two class names differ by case only, which some file systems cannot hold; rename one or use the parquet "
            "layout"
        )


def write_image_folder(folder: Path, images: Iterable[tuple[str, int, bytes]], classes: Sequence[str]) -> None:
    """Write ``folder/<class>/<name>.png`` for each (name, label, PNG bytes); every class gets its sub-folder.

    Give the images in an order that means nothing (sorted by name): directory entries and inode numbers keep it.
    ``folder``
    must not exist; the caller moves it into place once it is complete. All times are `CONSTANT_TIME`.

    Raises:
        DataError: a class name cannot be a folder name.
        StorageError: the disk is full or nothing may be written there.
    """
    check_folder_names(classes)
    with storage_errors(folder):
        folder.mkdir(parents=True)
        for name in sorted(classes):
            (folder / name).mkdir()
        for name, label, data in images:
            file = folder / classes[label] / f"{name}.png"
            with open(file, "xb") as handle:
                handle.write(data)
            os.utime(file, (CONSTANT_TIME, CONSTANT_TIME))
        for name in classes:
            os.utime(folder / name, (CONSTANT_TIME, CONSTANT_TIME))
        os.utime(folder, (CONSTANT_TIME, CONSTANT_TIME))
