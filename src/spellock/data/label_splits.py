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

    A row is bad that says no split, or is of a patient who is in another split too: what is tested on must not have
    been learnt.

    Raises:
        DataError: the table has no such split (`MissingSplitError`), or a row is bad and ``on_error`` is "fail".
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
    return _apart(table, parts, wanted, on_error)


def _apart(table: Table, parts: Mapping[str, Sequence[Row]], wanted: str, on_error: OnError) -> list[Row]:
    """The rows of the wanted split whose patients, and without patients whose images, are in no other."""
    column = table.column(PATIENT_NAMES) or table.column(IMAGE_NAMES)
    others = {row.text(column): (name, row) for name, rows in parts.items() if name != wanted for row in rows}
    kept = []
    for row in parts[wanted]:
        found = others.get(row.text(column))
        if column is None or found is None:
            kept.append(row)
        else:
            name, other = found
            what = f"{column} {row.text(column)!r} is in {wanted!r} and in {name!r} ({other.where})"
            complain(f"{row.where}: {what}", on_error)
    return kept
