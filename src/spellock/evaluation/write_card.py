"""Write a report card as JSON, CSV and one HTML page."""

from __future__ import annotations

from pathlib import Path

from spellock.artefacts import storage_errors, write_bytes, write_json
from spellock.evaluation.card import Card
from spellock.evaluation.card_html import card_html


def write_card(card: Card, folder: Path) -> Path:
    """Write ``card.json``, ``card.csv`` and ``card.html`` to ``folder``; returns the path of the page.

    Raises:
        StorageError: the folder cannot be made or written to.
    """
    folder = Path(folder)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "card.json", card.to_dict())
    write_bytes(folder / "card.csv", card.to_csv().encode())
    page = folder / "card.html"
    write_bytes(page, card_html(card).encode())
    return page
