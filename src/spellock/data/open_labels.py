"""One door to every kind of multi-label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spellock.data.decode import MAX_PIXELS
from spellock.data.findings import find_findings
from spellock.data.hub import refuse_hub
from spellock.data.image_set import ON_ERROR, ImageSet, OnError
from spellock.data.label_parquet import LabelParquetSet, picture_column
from spellock.data.label_splits import split_rows
from spellock.data.label_table import read_table
from spellock.data.parquet import parquet_files, split_of
from spellock.data.splits import choose_split
from spellock.data.table_set import TableSet
from spellock.data.table_splits import apart_from, other_splits
from spellock.errors import ConfigError, DataError


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
            one such table (or one a split), or with such files in shards, as `parquet_files` finds them; or an
            `ImageSet`, which is returned as it is.
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
    refuse_hub(source, "a table of labels, CSV or parquet, or a folder with one")
    paths = [Path(source)]
    if paths[0].is_dir():
        paths, split = _tables_in(paths[0], split)
    path = paths[0]
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected a table of labels, CSV or parquet")
    if _holds_pictures(path):
        # Its name may say that the whole file is of one split.
        split = None if split == split_of(path) else split
        return LabelParquetSet(paths, split=split, findings=findings, on_error=on_error, max_pixels=max_pixels)
    table, others = read_table(path), other_splits(path, on_error)
    rows = split_rows(table, split, on_error)
    if others:
        # Names say nothing where each table may have a folder of images of its own.
        rows = apart_from(others, table, table.rows if rows is None else rows, on_error, by_image=images is None)
    return TableSet(
        table,
        find_findings(table, findings),
        images or path.parent,
        rows=rows,
        others=others,
        on_error=on_error,
        max_pixels=max_pixels,
    )


def _holds_pictures(path: Path) -> bool:
    return path.suffix.lower() == ".parquet" and picture_column(path) is not None


def _tables_in(folder: Path, split: str | None) -> tuple[list[Path], str | None]:
    """The table in a folder, or the shards of one that holds the pictures; and the split still to be chosen inside."""
    files = [path for kind in ("*.csv", "*.parquet") for path in sorted(folder.glob(kind))]
    found: dict[str, list[Path]] = {}
    for path in files:
        found.setdefault(split_of(path), []).append(path)
    for several in (group for group in found.values() if len(group) > 1):
        if not all(map(_holds_pictures, several)):
            raise DataError(
                f"{folder} holds several tables of one split, such as {several[0].name} and {several[-1].name}; write "
                "them as one, or name the table itself"
            )
    if len(found) == 1:
        return next(iter(found.values())), split
    if found:
        return found[choose_split(found, split, str(folder))], None
    shards = parquet_files(folder, split)
    if not shards:
        raise DataError(f"{folder} holds no table of labels, expected a .csv or .parquet file; name the table itself")
    return shards, None
