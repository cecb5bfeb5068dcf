"""One door to every kind of multi-label set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from spellock.data.decode import MAX_PIXELS
from spellock.data.findings import find_findings
from spellock.data.image_set import ON_ERROR, ImageSet, OnError
from spellock.data.label_parquet import LabelParquetSet, picture_column
from spellock.data.label_table import IMAGE_NAMES, PATIENT_NAMES, SPLIT_NAMES, Row, Table, complain, read_table
from spellock.data.splits import choose_split
from spellock.data.table_set import TableSet
from spellock.errors import ConfigError, DataError, MissingSplitError

#: Lists of file names beside a table, as NIH's ChestX-ray14 has them, and the splits that they stand for.
_LISTS: Final = {"train": "train_val_list.txt", "test": "test_list.txt"}


def open_labels(
    source: str | Path | object,
    *,
    images: Path | None = None,
    split: str | None = None,
    findings: Sequence[str] | None = None,
    on_error: OnError = "fail",
    max_pixels: int = MAX_PIXELS,
) -> ImageSet:
    """Open a set of images with several labels each, without decoding any.

    Args:
        source: a table, CSV or parquet, with the images beside it; a parquet file that holds the images; a folder with
            one such table (or one a split); or an `ImageSet`, which is returned as it is.
        images: where a table's images lie; None searches everything beside the table.
        split: which split, by the table's column ``split``, by lists of file names beside it (``train_val_list.txt``
            and ``test_list.txt``), or by the tables' names; None takes "train" where there are splits.
        findings: the findings, in label order; None takes all that are named.
        on_error: whether a bad row, or later a broken image, stops or is named and left out.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: nothing is there, it is no such set, or a row is bad and ``on_error`` is "fail".
        ConfigError: an option is out of range.
    """
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error is {on_error!r}, expected one of {', '.join(ON_ERROR)}")
    if isinstance(source, ImageSet):
        return source
    if not isinstance(source, str | Path):
        raise DataError(f"got a {type(source).__name__}, expected a table of labels or a folder with one")
    path = Path(source)
    if path.is_dir():
        path, split = _table_in(path, split)
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a table of labels, CSV or parquet")
    if path.suffix.lower() == ".parquet" and picture_column(path) is not None:
        if split not in (None, path.stem):
            raise MissingSplitError(f"{path} has no split {split!r}; it is one parquet file")
        return LabelParquetSet(path, findings=findings, on_error=on_error, max_pixels=max_pixels)
    table = read_table(path)
    return TableSet(
        table,
        find_findings(table, findings),
        images or path.parent,
        rows=_rows_of(table, split, on_error),
        on_error=on_error,
        max_pixels=max_pixels,
    )


def _table_in(folder: Path, split: str | None) -> tuple[Path, str | None]:
    """The table in a folder, and the split that is still to be chosen inside it."""
    found = {path.stem: path for kind in ("*.csv", "*.parquet") for path in sorted(folder.glob(kind))}
    if len(found) == 1:
        return next(iter(found.values())), split
    if not found:
        raise DataError(f"{folder} holds no table of labels, expected a .csv or .parquet file; name the table itself")
    return found[choose_split(found, split, str(folder))], None


def _rows_of(table: Table, split: str | None, on_error: OnError) -> list[Row] | None:
    """The rows of a split; None for all, where the table has no splits and none is wanted."""
    column, image = table.column(SPLIT_NAMES), table.column(IMAGE_NAMES)
    parts: dict[str, list[Row]] = {}
    if column is not None:
        for row in table.rows:
            parts.setdefault(row.text(column), []).append(row)
    else:
        for name, file in _LISTS.items():
            if (table.path.parent / file).is_file():
                names = set((table.path.parent / file).read_text(encoding="utf-8").split())
                parts[name] = [row for row in table.rows if row.text(image) in names]
    if split is None and not parts:
        return None
    wanted = choose_split(parts, split, str(table.path))
    _check_apart(table, parts, wanted, on_error)
    return parts[wanted]


def _check_apart(table: Table, parts: Mapping[str, Sequence[Row]], wanted: str, on_error: OnError) -> None:
    """No patient, and without patients no image, may be in the wanted split and in another."""
    column = table.column(PATIENT_NAMES) or table.column(IMAGE_NAMES)
    own = {row.text(column) for row in parts[wanted]}
    for name, rows in parts.items():
        shared = [row for row in rows if name != wanted and row.text(column) in own]
        if shared:
            complain(f"{shared[0].where}: {column} {shared[0].text(column)!r} is in {name!r} and {wanted!r}", on_error)
