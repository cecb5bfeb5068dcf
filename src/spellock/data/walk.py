"""Files below a folder: links are followed, and a folder that cannot be looked into is named, never passed over."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Collection
from pathlib import Path

from spellock.errors import DataError


def files_below(
    folder: Path,
    suffixes: Collection[str],
    *,
    hidden: bool = False,
    complain: Callable[[Path, str], None] | None = None,
) -> list[Path]:
    """Files with one of ``suffixes`` (in lower case) anywhere below ``folder``, sorted.

    Links to files and folders are followed, wherever they lead, since whoever placed them meant it; each real folder is
    entered once.

    Args:
        hidden: also files and folders whose names begin with a dot.
        complain: told of a sub-folder that cannot be looked into, and what to say of it; its files are then left out.
            None stops there.

    Raises:
        DataError: ``folder`` cannot be looked into, or a sub-folder where there is nobody to complain to.
    """

    def refuse(error: OSError) -> None:
        problem = f"cannot look into {error.filename}: {error.strerror}; check its permissions"
        if complain is None or Path(error.filename) == folder:
            raise DataError(problem) from error
        complain(Path(error.filename), problem)

    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if hidden or not name.startswith("."))
        found += [
            Path(place, name)
            for name in files
            if (hidden or not name.startswith(".")) and Path(name).suffix.lower() in suffixes
        ]
    return sorted(found)


def is_file(path: Path) -> bool:
    """Whether there is a file; a name longer than a file may have is none."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return False
        raise


def named_below(folder: Path, name: str) -> Path | None:
    """The file that a table calls ``name``, below ``folder``; None where the name leads out of it.

    The name is judged by itself: a table may come from anybody. Links in the folder were placed by its owner, so they
    are followed, wherever they lead, as those of image folders are.
    """
    base = Path(os.path.abspath(folder))
    path = Path(os.path.normpath(base / name))
    if path.is_relative_to(base):
        return path
    # Whole paths may name the folder by its real place.
    return path if path.is_relative_to(base.resolve()) else None
