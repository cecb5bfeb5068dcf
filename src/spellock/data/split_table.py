"""A table of labels with a column more that says the split of each row, for tables that come without splits."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from spellock.artefacts import new_file
from spellock.data.image_set import OnError
from spellock.data.label_parquet import picture_column
from spellock.data.label_splits import split_rows
from spellock.data.label_table import IMAGE_NAMES, PATIENT_NAMES, Table, read_table
from spellock.data.open_labels import open_labels
from spellock.data.split_patients import split_patients
from spellock.data.table_splits import other_splits
from spellock.errors import ConfigError, DataError

_COLUMN = "split"
_log = logging.getLogger(__name__)


def split_table(
    source: Path, out: Path, shares: Mapping[str, float], *, seed: int = 0, on_error: OnError = "fail"
) -> dict[str, int]:
    """Write ``source`` again as ``out``, with a column ``split``; whole patients go to a split, where it names them.

    Args:
        source: a table as `open_labels` takes it, CSV or parquet, without splits.
        out: of the same kind, new, and in the same folder, since images are looked for beside a table.
        shares: see `split_patients`.
        on_error: whether a bad row stops, or is named and left out of ``out``.

    Returns:
        how many images each split has.

    Raises:
        ConfigError: the shares are no shares, or ``out`` does not fit.
        DataError: ``source`` cannot be read, has splits already, or is too small.
        StorageError: ``out`` is there, or cannot be written.
    """
    if source.is_dir():
        raise DataError(f"{source} is a folder, expected a table of labels; name the table itself")
    images = open_labels(source, on_error=on_error)
    table = read_table(source)
    if split_rows(table, None, "skip") is not None or other_splits(source, "skip"):
        raise DataError(f"{source} has splits already; lock and evaluate take them by --split")
    if out.suffix.lower() != source.suffix.lower():
        raise ConfigError(f"got {out}, expected a name that ends with {source.suffix}, as {source} does")
    if out.resolve().parent != source.resolve().parent:
        raise ConfigError(
            f"got {out}, expected a name in the folder of {source}: the images of a table are looked for beside it"
        )
    if table.column(PATIENT_NAMES) is None:
        _log.warning("%s has no column of patients, so each image counts as a patient of its own", source)
    parts = split_patients(images, shares, seed=seed)
    pictures = source.suffix.lower() == ".parquet" and picture_column(source) is not None
    of = {name: split for split, part in parts.items() for name in part.ids}
    splits = [of.get(name) for name in _ids(table, pictures=pictures)]
    with new_file(out) as file:
        if source.suffix.lower() == ".parquet":
            _write_parquet(source, file, splits)
        else:
            file.write(_csv(source, splits).encode())
    return {name: len(part) for name, part in parts.items()}


def _ids(table: Table, *, pictures: bool) -> Iterator[str]:
    """What the set calls the image of each row."""
    column = table.column(IMAGE_NAMES)
    for place, row in enumerate(table.rows):
        yield f"{table.path.name}#{place}" if pictures else row.text(column)


def _csv(source: Path, splits: list[str | None]) -> str:
    with open(source, encoding="utf-8-sig", newline="") as file:
        # The same rows as the table has: empty lines are passed over.
        head, *rows = (cells for cells in csv.reader(file) if any(cell.strip() for cell in cells))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*head, _COLUMN))
    for cells, split in zip(rows, splits, strict=True):
        if split is not None:
            filled = [*cells, *[""] * len(head)][: len(head)]
            writer.writerow((*filled, split))
    return text.getvalue()


def _write_parquet(source: Path, sink: BinaryIO, splits: list[str | None]) -> None:
    """Row group by row group: pictures may be more than memory holds."""
    whole, done = pq.ParquetFile(source), 0
    schema = whole.schema_arrow.append(pa.field(_COLUMN, pa.string()))
    with pq.ParquetWriter(sink, schema) as writer:
        for number in range(whole.num_row_groups):
            group = whole.read_row_group(number)
            of = splits[done : done + len(group)]
            done += len(group)
            named = group.append_column(schema.field(_COLUMN), pa.array(of, pa.string()))
            writer.write_table(named.filter(pa.array([split is not None for split in of])).cast(schema))
