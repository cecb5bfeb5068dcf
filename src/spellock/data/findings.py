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
#: What is higher is no number of a finding: every image has a label for each.
_HIGHEST: Final = 10_000


@dataclass(frozen=True, kw_only=True)
class Findings:
    """How a table names findings.

    Attributes:
        classes: the findings, in label order.
        listed: the column that names them all, "A|B" or a list of names or numbers; None for a column each.
        numbered: what the numbers in a list stand for, where a schema says so; else they are those of the classes.

    Raises:
        DataError: a finding is there twice.
    """

    classes: tuple[str, ...]
    listed: str | None
    numbered: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for place, name in enumerate(self.classes):
            if name in self.classes[:place]:
                raise DataError(
                    f"the finding {name!r} is there twice; give each finding a name and a column of its own"
                )

    def of(self, row: Row) -> list[int]:
        """Numbers of a row's findings, rising.

        Raises:
            DataError: a cell is empty, neither 0 nor 1, or names a finding that is none of the classes; or a list has
                a number twice, as lists of zeros and ones have.
        """
        if self.listed is None:
            return [place for place, name in enumerate(self.classes) if self._one(row, name)]
        found = named(row, self.listed)
        numbers = [name for name in found if isinstance(name, int)]
        if len(set(numbers)) < len(numbers):
            raise DataError(
                f"{self.listed!r} is {str(numbers)[:60]}, with a number twice; expected the numbers or names of the "
                "findings that the image has, or a column of zeros and ones for each"
            )
        return sorted({self._place(name) for name in found})

    def _one(self, row: Row, name: str) -> bool:
        text = row.text(name).casefold()
        if text in _YES:
            return True
        if text in _NO:
            return False
        shown = repr(row.text(name)) if text else "empty"
        raise DataError(f"the label of {name!r} is {shown}, expected 0 or 1")

    def _place(self, name: object) -> int:
        if isinstance(name, int):
            names = self.numbered or self.classes
            if not 0 <= name < len(names):
                raise DataError(f"got finding number {name}, expected 0 to {len(names) - 1}")
            name = names[name]
        if name not in self.classes:
            near = difflib.get_close_matches(str(name), self.classes, n=2, cutoff=0.5) or self.classes[:5]
            raise DataError(f"unknown finding {name!r}, did you mean {' or '.join(map(repr, near))}?")
        return self.classes.index(str(name))


def named(row: Row, column: str) -> list[object]:
    """The findings that a cell names: text between bars, or a list; "No Finding" is an empty list.

    Raises:
        DataError: the cell is empty, where "No Finding" or an empty list would say that there are none; or an entry of
            a list is.
    """
    value = row.cells.get(column)
    if isinstance(value, list):
        if any(item is None or item != item for item in value):
            raise DataError(f"{column!r} has an empty entry, expected findings or an empty list")
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
        classes = tuple(wanted or stated or _all_named(table, listed))
        return Findings(classes=classes, listed=listed, numbered=tuple(stated or ()))
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
        try:
            found.update(named(row, column))
        except (DataError, TypeError):
            continue  # whoever reads the row says what is wrong with it
    if not found:
        raise DataError(f"{table.path}: column {column!r} names no finding at all; is it the right table?")
    if all(isinstance(item, int) for item in found):
        highest = max(int(str(item)) for item in found)
        if highest > _HIGHEST:
            raise DataError(
                f"{table.path}: the highest number in {column!r} is {highest}, expected numbers of findings from 0; is "
                "it the right column?"
            )
        return [str(number) for number in range(highest + 1)]
    return sorted(str(item) for item in found)


def _zeros_and_ones(table: Table, column: str) -> bool:
    hits = sum(row.text(column).casefold() in (*_YES, *_NO) for row in table.rows)
    return 2 * hits >= len(table.rows)
