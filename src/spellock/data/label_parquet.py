"""Parquet files in the Hugging Face layout whose images have several labels each: a list of class numbers or names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spellock.data.columns import decode_cell, is_binary
from spellock.data.decode import MAX_PIXELS
from spellock.data.findings import find_findings
from spellock.data.image_set import ImageSet, OnError
from spellock.data.label_splits import split_rows
from spellock.data.label_table import (
    IMAGE_NAMES,
    LISTED_NAMES,
    PATIENT_NAMES,
    Row,
    Sifter,
    Table,
    patient_of,
    read_table,
)
from spellock.data.label_vectors import MULTILABEL, vectors
from spellock.data.parquet_rows import ParquetRows
from spellock.data.table_splits import apart_from, other_splits
from spellock.errors import DataError

_PICTURES: Final = ("image", "img", *IMAGE_NAMES)


class LabelParquetSet(ImageSet):
    """Rows of parquet files that hold the pictures; opening reads the labels only. Ids are ``<file>#<row>``."""

    task = MULTILABEL

    def __init__(
        self,
        files: Sequence[Path],
        *,
        split: str | None = None,
        findings: Sequence[str] | None = None,
        on_error: OnError = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Read schema and labels.

        Args:
            files: one file, or the shards of one split in order, of one schema and in one folder: a column of pictures
                (struct of bytes and path, or encoded bytes) and a column ``labels`` with lists, or a column of zeros
                and ones for each finding.
            split: by the table's column ``split``; None takes "train" where it has one.
            findings: see `find_findings`; None takes the names that the schema states.
            on_error: whether a row with bad labels, and later an image that cannot be decoded, stops or is named and
                left out.
            max_pixels: see `decode_image`.

        Raises:
            DataError: see ``on_error``; or a column is missing, shards have different ones, a patient is in the files
                of another split, or no row is usable.
        """
        first = files[0]
        self.name, self.on_error, self._max_pixels = (
            str(first if len(files) == 1 else first.parent),
            on_error,
            max_pixels,
        )
        tables = [read_table(file) for file in files]
        picture = _one_schema(files, tables)
        table = Table(path=first, columns=tables[0].columns, rows=tuple(row for part in tables for row in part.rows))
        listed = table.column(LISTED_NAMES)
        how = find_findings(table, findings, None if listed is None else _stated(first, listed))
        patient = table.column(PATIENT_NAMES)
        places = {id(row): (shard, place) for shard, part in enumerate(tables) for place, row in enumerate(part.rows)}

        def read(row: Row) -> tuple[tuple[int, int], list[int], str]:
            return places[id(row)], how.of(row), "" if patient is None else patient_of(row, patient)

        rows = split_rows(table, split, on_error)
        if others := other_splits(first, on_error):
            # Names of images may be numbers in a file.
            rows = apart_from(others, table, table.rows if rows is None else rows, on_error, by_image=False)
        good = list(Sifter(on_error=on_error, read=read)(table.rows if rows is None else rows))
        if not good:
            raise DataError(f"{self.name} has no usable row; expected one an image")
        self.classes, self._files, self._places = how.classes, list(files), [place for place, _, _ in good]
        self.ids = [f"{files[shard].name}#{row}" for shard, row in self._places]
        self.labels = vectors((places for _, places, _ in good), len(self.classes))
        if patient is not None:
            self.patients = [name for _, _, name in good]
        self._cells = [ParquetRows(file, picture) for file in files]

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        shard, row = self._places[index]
        file = self._files[shard]
        return decode_cell(
            self._cells[shard][row], name=f"{file} row {row}", folder=file.parent, max_pixels=self._max_pixels
        )


def picture_column(file: Path) -> str | None:
    """The column of a parquet file that holds pictures; None where it names files, or has neither.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        schema = pq.read_schema(file)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file} is not a readable parquet file ({str(error).splitlines()[0]})") from error
    kinds = {name: schema.field(name).type for name in schema.names}
    held = [name for name, kind in kinds.items() if pa.types.is_struct(kind) or is_binary(kind)]
    return next((name for name in (*_PICTURES, *held) if name in held), None)


def _one_schema(files: Sequence[Path], tables: Sequence[Table]) -> str:
    """The column of pictures of all shards, whose labels have to mean the same.

    Raises:
        DataError: there is no such column, or a shard has other columns or other class names than the first.
    """
    first, columns = files[0], tables[0].columns
    picture, listed = picture_column(first), tables[0].column(LISTED_NAMES)
    if picture is None:
        raise DataError(f"{first} has no column of pictures, expected a struct of bytes and path called 'image'")
    for file, table in zip(files[1:], tables[1:], strict=True):
        if picture_column(file) != picture or set(table.columns) != set(columns):
            raise DataError(f"{file} has other columns than {first}; write all shards with one schema")
        if listed is not None and _stated(file, listed) != _stated(first, listed):
            raise DataError(f"{file} names or numbers its classes otherwise than {first}; write all with one schema")
    return picture


def _stated(file: Path, column: str) -> list[str] | None:
    """Class names that the Hugging Face features state for a list of class numbers."""
    try:
        feature = json.loads((pq.read_schema(file).metadata or {})[b"huggingface"])["info"]["features"][column]
        inner = feature[0] if isinstance(feature, list) else feature.get("feature", feature)
        names = inner["names"]
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) and names else None
