"""Which findings a row of a table names: one column of zeros and ones a finding, or names in one column."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from spellock.data.label_table import IMAGE_NAMES, LISTED_NAMES, PATIENT_NAMES, SPLIT_NAMES, Row, Table
from spellock.errors import DataError

_log = logging.getLogger(__name__)
#: What stands for an empty list where findings are named.
NOTHING: Final = ("no finding", "no findings", "none")
_YES: Final = ("1", "1.0", "true")
_NO: Final = ("0", "0.0", "false")


@dataclass(frozen=True, kw_only=True)
class Findings:
    """How a table names findings.

    Attributes:
        classes: the findings, in label order.
        listed: the column that names them all, "A|B" or a list of names or numbers; None for a column each.
    """

    classes: tuple[str, ...]
    listed: str | None

    def of(self, row: Row) -> list[int]:
        """Numbers of a row's findings, rising.

        Raises:
            DataError: a cell is empty, neither 0 nor 1, or names a finding that is none of the classes.
        """
        if self.listed is None:
            return [place for place, name in enumerate(self.classes) if self._one(row, name)]
        return sorted({self._place(name, row) for name in named(row, self.listed)})

    def _one(self, row: Row, name: str) -> bool:
        text = row.text(name).casefold()
        if text in _YES:
            return True
        if text in _NO:
            return False
        shown = repr(row.text(name)) if text else "empty"
        raise DataError(f"the label of {name!r} is {shown}, expected 0 or 1")

    def _place(self, name: object, row: Row) -> int:
        if isinstance(name, int):
            if not 0 <= name < len(self.classes):
                raise DataError(f"got finding number {name}, expected 0 to {len(self.classes) - 1}")
            return name
        if name not in self.classes:
            near = difflib.get_close_matches(str(name), self.classes, n=2, cutoff=0.5) or self.classes[:5]
            raise DataError(f"unknown finding {name!r}, did you mean {' or '.join(map(repr, near))}?")
        return self.classes.index(str(name))


def named(row: Row, column: str) -> list[object]:
    """The findings that a cell names: text between bars, or a list; "No Finding" is an empty list.

    Raises:
        DataError: the cell is empty, where "No Finding" or an empty list would say that there are none.
    """
    value = row.cells.get(column)
    if isinstance(value, list):
        return [item for item in value if str(item).casefold() not in NOTHING]
    text = row.text(column)
    if not text or text.casefold() == "nan":
        raise DataError(f"{column!r} is empty, expected findings like 'A|B', or 'No Finding'")
    return [part.strip() for part in text.split("|") if part.strip() and part.strip().casefold() not in NOTHING]


def find_findings(table: Table, wanted: Sequence[str] | None, stated: Sequence[str] | None = None) -> Findings:
    """How ``table`` names findings, and which there are.

    A column that lists them (``Finding Labels``, ``findings``, ``labels``) goes before columns of zeros and ones. Of
    the other columns those count whose cells are zeros and ones for the greater part, so that the cells that are not
    are found as mistakes; the rest (age, view, ...) is left alone.

    Args:
        wanted: the findings, in label order; None takes all that the table has, in the order of the columns, or sorted
            where they are listed.
        stated: names that a schema states for numbers in a list.

    Raises:
        DataError: the table names no findings, or lacks a column that is wanted.
    """
    listed = table.column(LISTED_NAMES)
    if listed is not None:
        return Findings(classes=tuple(wanted or stated or _all_named(table, listed)), listed=listed)
    others = [table.column(names) for names in (IMAGE_NAMES, PATIENT_NAMES, SPLIT_NAMES)]
    if wanted is not None:
        missing = [name for name in wanted if name not in table.columns]
        if missing:
            raise DataError(f"{table.path} has no column {missing[0]!r}, only {', '.join(table.columns)}")
        return Findings(classes=tuple(wanted), listed=None)
    free = [name for name in table.columns if name and name not in others]
    columns = [name for name in free if _zeros_and_ones(table, name)]
    if not columns:
        raise DataError(
            f"{table.path} names no findings; expected a column 'Finding Labels' with 'A|B', or a column of zeros and "
            f"ones for each finding, among {', '.join(table.columns)}"
        )
    if len(columns) < len(free):
        _log.info("%s: not taken for findings: %s", table.path, ", ".join(sorted(set(free) - set(columns))))
    return Findings(classes=tuple(columns), listed=None)


def _all_named(table: Table, column: str) -> list[str]:
    found: set[object] = set()
    for row in table.rows:
        if row.text(column):
            found.update(named(row, column))
    if not found:
        raise DataError(f"{table.path}: column {column!r} names no finding at all; is it the right table?")
    if all(isinstance(item, int) for item in found):
        return [str(number) for number in range(max(int(str(item)) for item in found) + 1)]
    return sorted(str(item) for item in found)


def _zeros_and_ones(table: Table, column: str) -> bool:
    hits = sum(row.text(column).casefold() in (*_YES, *_NO) for row in table.rows)
    return 2 * hits >= len(table.rows)
