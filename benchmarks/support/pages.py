"""Tables in the docs that benchmarks write: the text between two marks of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"


def fill_page(page: str, name: str, text: str) -> None:
    """Put ``text`` between ``<!-- NAME: begin ... -->`` and ``<!-- NAME: end -->`` of docs/PAGE."""
    path = DOCS / page
    old = path.read_text()
    start = old.index("\n", old.index(f"<!-- {name}: begin")) + 1
    path.write_text(old[:start] + text.rstrip() + "\n" + old[old.index(f"<!-- {name}: end", start) :])
