"""Rows of a table, from CSV or parquet, each with the line that names it in messages."""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from spellock.data.columns import is_binary
from spellock.data.image_set import SKIP, OnError
from spellock.errors import DataError

T = TypeVar("T")
_log = logging.getLogger(__name__)
#: What a column may be called, letters and digits only: the image's file, the patient, the split, named findings.
IMAGE_NAMES: Final = (
    "imageindex",
    "image",
    "imageid",
    "file",
    "filename",
    "filepath",
    "imagepath",
    "path",
    "name",
    "id",
)
PATIENT_NAMES: Final = ("patientid", "patient", "subjectid", "subject")
SPLIT_NAMES: Final = ("split", "subset", "fold")
LISTED_NAMES: Final = ("findinglabels", "findings", "labels", "label")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row: where it stands, for messages, its cells by column, and what is wrong with it as a whole."""

    where: str
    cells: dict[str, object]
    problem: str = ""

    def text(self, column: str | None) -> str:
        """A cell as text, without space around it; empty where there is none."""
        value = None if column is None else self.cells.get(column)
        return "" if value is None else str(value).strip()


def patient_of(row: Row, column: str) -> str:
    """Whom a row's image is of.

    Raises:
        DataError: nobody says; two such images may be of one patient.
    """
    patient = row.text(column)
    if patient.casefold() in ("", "nan"):
        raise DataError(f"{column!r} is empty, expected whom the image is of")
    return patient


@dataclass(frozen=True, kw_only=True)
class Table:
    """A whole table of labels; pictures are never in it."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def column(self, names: Iterable[str]) -> str | None:
        """The column that goes by one of ``names`` (letters and digits only, small), the earlier name first."""
        known = {"".join(letter for letter in name.casefold() if letter.isalnum()): name for name in self.columns[::-1]}
        return next((known[name] for name in names if name in known), None)


def read_table(path: Path) -> Table:
    """Read a CSV file (UTF-8, a header line) or the columns of a parquet file that hold no pictures.

    Raises:
        DataError: the file is missing, unreadable, has something else than commas between its columns, two columns of
            one name, or no header or no rows.
    """
    try:
        columns, rows = _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; check the path") from error
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path} cannot be read as a table ({reason}); save it as CSV in UTF-8 or as parquet"
        ) from error
    if not rows:
        raise DataError(f"{path} has no rows; expected a header and one row an image")
    return Table(path=path, columns=columns, rows=rows)


def _csv(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    with open(path, encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        columns = tuple(name.strip() for name in next(reader, ()))
        if len(columns) == 1 and (other := next((mark for mark in ";\t" if mark in columns[0]), None)):
            raise DataError(f"{path} has {other!r} between its columns, expected commas; save it as CSV with commas")
        twice = [name for place, name in enumerate(columns) if name and name in columns[:place]]
        if twice:
            raise DataError(f"{path} has two columns called {twice[0]!r}; rename or remove one")
        rows = []
        for cells in reader:
            if any(cell.strip() for cell in cells):
                # A row with too few cells has empty ones, which whoever needs them then names.
                filled: dict[str, object] = dict(zip(columns, [*cells, *[""] * len(columns)], strict=False))
                # More cells than columns: a comma without quotes has moved labels to where they do not belong.
                more = any(cell.strip() for cell in cells[len(columns) :])
                problem = f"{len(cells)} cells for {len(columns)} columns; put quotes around commas" if more else ""
                rows.append(Row(where=f"{path} line {reader.line_num}", cells=filled, problem=problem))
    return columns, tuple(rows)


def _parquet(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    schema = pq.read_schema(path)
    names = [name for name in schema.names if not pa.types.is_struct(schema.field(name).type)]
    names = [name for name in names if not is_binary(schema.field(name).type)]
    cells = pq.read_table(path, columns=names).to_pylist()
    return tuple(names), tuple(Row(where=f"{path} row {place}", cells=row) for place, row in enumerate(cells))


@dataclass(frozen=True, kw_only=True)
class Sifter(Generic[T]):
    """Reads rows one by one; a bad one stops the reading or is named in the log and left out.

    Attributes:
        on_error: "fail" or "skip".
        read: gives what is wanted of a row.
    """

    on_error: OnError
    read: Callable[[Row], T]

    def __call__(self, rows: Iterable[Row]) -> Iterator[T]:
        """What ``read`` gives for each good row.

        Raises:
            DataError: a row is bad and ``on_error`` is "fail"; the message names file and line.
        """
        for row in rows:
            try:
                if row.problem:
                    raise DataError(row.problem)
                found = self.read(row)
            except DataError as error:
                complain(f"{row.where}: {error}", self.on_error)
            else:
                yield found


def complain(problem: str, on_error: OnError) -> None:
    """Stop with ``problem``, or name it in the log.

    Raises:
        DataError: ``on_error`` is "fail".
    """
    if on_error == "fail":
        raise DataError(f"{problem}; mend the table, or skip such rows with {SKIP}")
    _log.warning("skipped: %s", problem)
