"""Which split of a data set is meant when it has several."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

from spellock.errors import DataError, MissingSplitError

#: Names that a sub-folder or file of a split goes by.
SPLIT_NAMES: Final = ("train", "training", "val", "valid", "validation", "dev", "test", "testing")


def choose_split(found: Collection[str], wanted: str | None, name: str) -> str:
    """Return the split to read: the wanted one, else "train", else the only one there is.

    Raises:
        MissingSplitError: the wanted split is missing.
        DataError: none was wanted and the choice is open.
    """
    listing = ", ".join(sorted(found))
    if wanted is not None:
        if wanted not in found:
            raise MissingSplitError(f"{name} has no split {wanted!r}; it has {listing or 'no splits'}")
        return wanted
    if "train" in found:
        return "train"
    if len(found) == 1:
        return next(iter(found))
    raise DataError(f"{name} holds several splits ({listing}) and none is called 'train'; say which with split=")


def read_list(file: Path) -> list[str]:
    """The names in a list of a split, one a line, without space around them; empty lines are passed over.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}; check its permissions") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text ({error.reason}); save it in UTF-8") from error
    return [line.strip() for line in lines if line.strip()]
