"""Parquet files in the Hugging Face layout whose images have several labels each: a list of class numbers or names."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spellock.data.columns import decode_cell
from spellock.data.decode import MAX_PIXELS
from spellock.data.findings import find_findings
from spellock.data.image_set import ImageSet, OnError
from spellock.data.label_splits import split_rows
from spellock.data.label_table import IMAGE_NAMES, LISTED_NAMES, PATIENT_NAMES, Row, Sifter, patient_of, read_table
from spellock.data.label_vectors import MULTILABEL, vectors
from spellock.data.parquet_rows import ParquetRows
from spellock.errors import DataError

_PICTURES: Final = ("image", "img", *IMAGE_NAMES)


class LabelParquetSet(ImageSet):
    """Rows of one parquet file that holds the pictures; opening reads the labels only. Ids are ``<file>#<row>``."""

    task = MULTILABEL

    def __init__(
        self,
        file: Path,
        *,
        split: str | None = None,
        findings: Sequence[str] | None = None,
        on_error: OnError = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        """Read schema and labels.

        Args:
            file: has a column of pictures (struct of bytes and path, or encoded bytes) and a column ``labels`` with
                lists, or a column of zeros and ones for each finding.
            split: by the table's column ``split``; None takes "train" where it has one.
            findings: see `find_findings`; None takes the names that the schema states.
            on_error: whether a row with bad labels, and later an image that cannot be decoded, stops or is named and
                left out.
            max_pixels: see `decode_image`.

        Raises:
            DataError: see ``on_error``; or a column is missing, or no row is usable.
        """
        self.name, self.on_error, self._max_pixels, self._file = str(file), on_error, max_pixels, file
        table = read_table(file)
        picture = picture_column(file)
        if picture is None:
            raise DataError(f"{file} has no column of pictures, expected a struct of bytes and path called 'image'")
        listed = table.column(LISTED_NAMES)
        how = find_findings(table, findings, None if listed is None else _stated(file, listed))
        patient = table.column(PATIENT_NAMES)
        numbers = {id(row): place for place, row in enumerate(table.rows)}

        def read(row: Row) -> tuple[int, list[int], str]:
            return numbers[id(row)], how.of(row), "" if patient is None else patient_of(row, patient)

        rows = split_rows(table, split, on_error)
        good = list(Sifter(on_error=on_error, read=read)(table.rows if rows is None else rows))
        if not good:
            raise DataError(f"{file} has no usable row; expected one an image")
        self.classes, self._places = how.classes, [place for place, _, _ in good]
        self.ids = [f"{file.name}#{place}" for place in self._places]
        self.labels = vectors((places for _, places, _ in good), len(self.classes))
        if patient is not None:
            self.patients = [name for _, _, name in good]
        self._cells = ParquetRows(file, picture)

    def open(self, index: int) -> Image.Image:
        """See `ImageSet.open`."""
        row = self._places[index]
        return decode_cell(
            self._cells[row], name=f"{self._file} row {row}", folder=self._file.parent, max_pixels=self._max_pixels
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
    held = [name for name, kind in kinds.items() if pa.types.is_struct(kind) or pa.types.is_binary(kind)]
    return next((name for name in (*_PICTURES, *held) if name in held), None)


def _stated(file: Path, column: str) -> list[str] | None:
    """Class names that the Hugging Face features state for a list of class numbers."""
    try:
        feature = json.loads((pq.read_schema(file).metadata or {})[b"huggingface"])["info"]["features"][column]
        inner = feature[0] if isinstance(feature, list) else feature.get("feature", feature)
        names = inner["names"]
    except (KeyError, ValueError, TypeError, IndexError, AttributeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) and names else None
