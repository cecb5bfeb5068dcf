"""Parquet files in the Hugging Face image/label layout: one file, several shards, or a folder with splits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spellock.data.columns import Columns, decode_cell, find_columns, read_labels
from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ImageSet, OnError
from spellock.data.parquet_rows import ParquetRows
from spellock.data.splits import choose_split
from spellock.errors import DataError

_SHARD: Final = re.compile(r"(?P<split>.+?)(-\d+(-of-\d+)?(-[0-9a-f]+)?)?\.parquet", re.IGNORECASE)


class ParquetSet(ImageSet):
    """Rows of parquet files; opening reads the labels only. Ids are ``<file>#<row>``."""

    def __init__(
        self, files: Sequence[Path], *, name: str, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
    ) -> None:
        """Read schemas and labels.

        Args:
            files: the shards, in order; all have the schema of the first.
            name: what to call the set.
            on_error: see `ImageSet.decoded`.
            max_pixels: see `decode_image`.

        Raises:
            DataError: a file is missing or no parquet, a column is missing, files number their classes differently, or
                there are no rows.
        """
        self.name, self.on_error, self._max_pixels = name, on_error, max_pixels
        schemas = [_schema(file) for file in files]
        columns = find_columns(schemas[0], name)
        self._files, self._rows, tables = list(files), [], []
        for file, schema in zip(files, schemas, strict=True):
            if not {columns.image, columns.label} <= set(schema.names):
                raise DataError(
                    f"{file} lacks the columns {columns.image!r} and {columns.label!r} of the other files; check the "
                    "shards"
                )
            _check_alike(file, schema, files[0], schemas[0], columns)
            self._rows.append(ParquetRows(file, columns.image))
            tables.append(_labels(file, columns.label))
        self.labels, self.classes = read_labels(
            pa.chunked_array([chunk for table in tables for chunk in table.chunks], tables[0].type),
            columns.classes,
            name,
        )
        if not len(self.labels):
            raise DataError(f"{name} has no rows; expected one an image")
        self.ids = [
            f"{file.name}#{row}" for file, table in zip(files, tables, strict=True) for row in range(len(table))
        ]
        if len(set(self.ids)) < len(self.ids):
            self.ids = [
                f"{file.parent.name}/{file.name}#{row}"
                for file, table in zip(files, tables, strict=True)
                for row in range(len(table))
            ]
        self._starts = np.cumsum([0] + [len(table) for table in tables])

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        shard = int(np.searchsorted(self._starts, index, side="right")) - 1
        row, file = index - int(self._starts[shard]), self._files[shard]
        return decode_cell(
            self._rows[shard][row], name=f"{file} row {row}", folder=file.parent, max_pixels=self._max_pixels
        )


def parquet_files(folder: Path, split: str | None) -> list[Path]:
    """Return the shards of a split in ``folder``: ``train.parquet``, ``train-00000-of-00002.parquet``,
    ``train/*.parquet``, or ``data/...``.

    Returns an empty list when the folder holds no parquet files.

    Raises:
        DataError: the split is missing, or it is not clear which is meant.
    """
    places = (folder, folder / "data")
    for splits in (*map(_by_file, places), *map(_by_folder, places)):
        if splits:
            return splits[choose_split(splits, split, str(folder))]
    return []


def split_of(file: Path) -> str:
    """The split that a file's name says: "train" of ``train.parquet`` and of ``train-00000-of-00002.parquet``."""
    match = _SHARD.fullmatch(file.name)
    return match["split"] if match else file.stem


def _by_file(place: Path) -> dict[str, list[Path]]:
    splits: dict[str, list[Path]] = {}
    for file in sorted(place.glob("*.parquet")):
        splits.setdefault(split_of(file), []).append(file)
    return splits


def _by_folder(place: Path) -> dict[str, list[Path]]:
    found = {child.name: sorted(child.glob("*.parquet")) for child in sorted(place.glob("*/"))}
    return {name: files for name, files in found.items() if files}


def _check_alike(file: Path, schema: pa.Schema, first: Path, of_first: pa.Schema, columns: Columns) -> None:
    """Check that a shard's labels mean what those of the first one do."""
    own = find_columns(schema, str(file)).classes
    if own is not None and columns.classes is not None and own != columns.classes:
        raise DataError(f"{file} names or numbers its classes otherwise than {first}; write all shards with one schema")
    kind, wanted = schema.field(columns.label).type, of_first.field(columns.label).type
    if kind != wanted:
        raise DataError(f"{file} has labels of {kind}, {first} of {wanted}; write all shards with one schema")


def _labels(file: Path, column: str) -> pa.ChunkedArray:
    try:
        return pq.read_table(file, columns=[column]).column(0)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"the labels of {file} cannot be read ({str(error).splitlines()[0]}); the file is damaged, fetch it again"
        ) from error


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file)
    except FileNotFoundError as error:
        raise DataError(f"{file} does not exist; check the path") from error
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{file} is not a readable parquet file ({str(error).splitlines()[0]}); it may be truncated"
        ) from error
