"""One door to every kind of multi-label set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spellock.data.decode import MAX_PIXELS
from spellock.data.findings import find_findings
from spellock.data.image_set import ON_ERROR, ImageSet, OnError
from spellock.data.label_parquet import LabelParquetSet, picture_column
from spellock.data.label_splits import split_rows
from spellock.data.label_table import read_table
from spellock.data.parquet import split_of
from spellock.data.splits import choose_split
from spellock.data.table_set import TableSet
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
        # Its name may say that the whole file is of one split.
        split = None if split == split_of(path) else split
        return LabelParquetSet(path, split=split, findings=findings, on_error=on_error, max_pixels=max_pixels)
    table = read_table(path)
    return TableSet(
        table,
        find_findings(table, findings),
        images or path.parent,
        rows=split_rows(table, split, on_error),
        on_error=on_error,
        max_pixels=max_pixels,
    )


def _table_in(folder: Path, split: str | None) -> tuple[Path, str | None]:
    """The table in a folder, and the split that is still to be chosen inside it."""
    files = [path for kind in ("*.csv", "*.parquet") for path in sorted(folder.glob(kind))]
    found = {split_of(path): path for path in files}
    if len(found) < len(files):
        raise DataError(
            f"{folder} holds several tables of one split, such as {files[0].name} and {files[-1].name}; write them as "
            "one, or name the table itself"
        )
    if len(found) == 1:
        return next(iter(found.values())), split
    if not found:
        raise DataError(f"{folder} holds no table of labels, expected a .csv or .parquet file; name the table itself")
    return found[choose_split(found, split, str(folder))], None
