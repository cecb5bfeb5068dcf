"""The rows of a split of a table: by a column, or by lists of file names beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from spellock.data.image_set import OnError
from spellock.data.label_table import IMAGE_NAMES, PATIENT_NAMES, SPLIT_NAMES, Row, Table, complain
from spellock.data.splits import choose_split, read_list

#: Lists of file names beside a table, as NIH's ChestX-ray14 has them, and the splits that they stand for.
_LISTS: Final = {"train": "train_val_list.txt", "test": "test_list.txt"}


def split_rows(table: Table, split: str | None, on_error: OnError) -> list[Row] | None:
    """The rows of a split; None for all, where the table has no splits and none is wanted.

    Raises:
        DataError: the table has no such split (`MissingSplitError`), or, where ``on_error`` is "fail", a row of it is
            of a patient who is in another split too, or a row says no split.
    """
    column, image = table.column(SPLIT_NAMES), table.column(IMAGE_NAMES)
    parts: dict[str, list[Row]] = {}
    if column is not None:
        for row in table.rows:
            if name := row.text(column):
                parts.setdefault(name, []).append(row)
            else:
                complain(f"{row.where}: {column!r} is empty, expected the split of the image", on_error)
    else:
        for name, file in _LISTS.items():
            if (table.path.parent / file).is_file():
                names = set(read_list(table.path.parent / file))
                parts[name] = [row for row in table.rows if row.text(image) in names]
    if split is None and not parts:
        return None
    wanted = choose_split(parts, split, str(table.path))
    _check_apart(table, parts, wanted, on_error)
    return parts[wanted]


def _check_apart(table: Table, parts: Mapping[str, Sequence[Row]], wanted: str, on_error: OnError) -> None:
    """No patient, and without patients no image, may be in the wanted split and in another."""
    column = table.column(PATIENT_NAMES) or table.column(IMAGE_NAMES)
    if column is None:
        return
    own = {row.text(column) for row in parts[wanted]}
    for name, rows in parts.items():
        shared = [row for row in rows if name != wanted and row.text(column) in own]
        if shared:
            complain(f"{shared[0].where}: {column} {shared[0].text(column)!r} is in {name!r} and {wanted!r}", on_error)
