"""Write a report as JSON, CSV and HTML."""

from __future__ import annotations

from pathlib import Path

from spellock.artefacts import storage_errors, write_bytes, write_json
from spellock.evaluation.report import Report
from spellock.evaluation.report_html import to_html
from spellock.evaluation.report_text import to_csv


def write_report(report: Report, folder: Path, *, title: str = "What the lock is worth") -> Path:
    """Write ``report.json``, ``report.csv`` and ``report.html`` to ``folder``; returns the path of the page.

    Of a detector also ``examples.png``.

    Raises:
        StorageError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "report.json", report.to_dict())
    write_bytes(folder / "report.csv", to_csv(report).encode())
    if report.sheet is not None:
        write_bytes(folder / "examples.png", report.sheet)
    page = folder / "report.html"
    write_bytes(page, to_html(report, title=title).encode())
    return page
