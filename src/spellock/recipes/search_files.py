"""The files of a key search: table, JSON, curve and contact sheet, all as secret as a key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from spellock.artefacts import write_bytes
from spellock.locking.contact_sheet import contact_sheet
from spellock.prompts.sample import Pixels, Sample
from spellock.prompts.search_curve import draw_curve
from spellock.prompts.trial import Trial
from spellock.recipes.private_files import FILE_MODE, write_private_json
from spellock.recipes.search_report import KeySearch
from spellock.recipes.tried import Tried

_COLUMNS: Final = 4
_SHEET_ROWS: Final = 8


def write_search(found: KeySearch, out: Path, sample: Sample, edits: Callable[[Trial, Sample], Pixels]) -> None:
    """Write table, JSON, curve and contact sheet of what was found to ``out``, with mode 0600."""
    write_bytes(out / "search.txt", (found.to_text() + "\n").encode(), mode=FILE_MODE)
    write_private_json(out / "search.json", found.to_dict())
    write_bytes(out / "curve.png", draw_curve(*found.curve()), mode=FILE_MODE)
    few = sample.first(_COLUMNS)
    rows = [("raw", [(pixels, sample.classes[label]) for pixels, label in zip(few.pixels, few.labels, strict=True)])]
    for one in sorted(found.tried, key=Tried.order)[:_SHEET_ROWS]:
        title = f"{one.trial.number}" + (" chosen" if one.chosen else " listed" if one.trial.listed else "")
        rows.append((title, [(pixels, one.trial.candidate.prompt) for pixels in edits(one.trial, sample)[:_COLUMNS]]))
    write_bytes(out / "contact_sheet.png", contact_sheet(rows), mode=FILE_MODE)
