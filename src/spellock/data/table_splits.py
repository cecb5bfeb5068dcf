"""Tables that are a split each, as ``train.csv`` beside ``test.csv``: what is in one must not be in another."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from spellock.data.image_set import OnError
from spellock.data.label_table import IMAGE_NAMES, PATIENT_NAMES, Row, Table, complain, read_table
from spellock.data.parquet import split_of
from spellock.data.splits import SPLIT_NAMES
from spellock.errors import DataError


def other_splits(file: Path, on_error: OnError) -> list[Table]:
    """The tables of the other splits, where the name of ``file``, or of a shard's folder, says that it is of one.

    Raises:
        DataError: one cannot be read, and ``on_error`` is "fail".
    """
    found: list[Path] = []
    if split_of(file).casefold() in SPLIT_NAMES:
        files = [path for kind in ("*.csv", "*.parquet") for path in sorted(file.parent.glob(kind))]
        found = [path for path in files if _is_other(split_of(path), split_of(file))]
    elif file.suffix.lower() == ".parquet" and file.parent.name.casefold() in SPLIT_NAMES:
        files = sorted(file.parent.parent.glob("*/*.parquet"))
        found = [path for path in files if _is_other(path.parent.name, file.parent.name)]
    tables = []
    for path in found:
        try:
            tables.append(read_table(path))
        except DataError as error:
            complain(f"nobody knows which patients are in another split: {error}", on_error)
    return tables


def _is_other(split: str, own: str) -> bool:
    return split.casefold() in SPLIT_NAMES and split.casefold() != own.casefold()


def apart_from(
    others: Iterable[Table], table: Table, rows: Sequence[Row], on_error: OnError, *, by_image: bool
) -> list[Row]:
    """The rows whose patients are in no other table; rows of ``table``.

    Args:
        by_image: compare the names of images where a table has no patients, as they are in one folder.

    Raises:
        DataError: a patient or image is in two, and ``on_error`` is "fail"; the message names both rows.
    """
    found: dict[tuple[str, str], Row] = {}
    for other in others:
        for names in (PATIENT_NAMES, IMAGE_NAMES) if by_image else (PATIENT_NAMES,):
            own, column = table.column(names), other.column(names)
            if own is not None and column is not None:
                found |= {(own, row.text(column)): row for row in other.rows if row.text(column)}
                break
    columns = dict.fromkeys(own for own, _ in found)
    kept = []
    for row in rows:
        shared = next((name for name in columns if (name, row.text(name)) in found), None)
        if shared is None:
            kept.append(row)
        else:
            place = found[shared, row.text(shared)].where
            complain(f"{row.where}: {shared} {row.text(shared)!r} is in another split too ({place})", on_error)
    return kept
