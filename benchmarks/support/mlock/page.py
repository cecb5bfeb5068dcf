"""Write the tables into docs/mlock.md, between its markers, so that no figure is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from support.mlock.data import TITLES
from support.mlock.paper import CERTIFICATES, STRATEGIES
from support.mlock.settings import SEEDS
from support.mlock.store import Store
from support.mlock.tables import markdown

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "mlock.md"
BEGIN, END = "<!-- mlock: begin", "<!-- mlock: end -->"


def fill_page(store: Store) -> None:
    """Replace what is between the markers; nothing is done before there are results."""
    if not store.path.exists():
        return
    document = json.loads(store.path.read_text())
    done = sum(len(seeds) for rows in store.runs.values() for seeds in rows.values())
    wanted = len(store.settings) * len(STRATEGIES) * len(CERTIFICATES) * len(SEEDS)
    note = (
        f"Percent; mean and deviation over seeds. {document['hardware']}, {document['date']}. "
        f"Finished so far: {done} of {wanted} runs."
    )
    picture = f"![What the certificate gives, and what a thief gets](../benchmarks/results/{store.name}.png)"
    lines = ["| data | network | training images | test images | epochs | augmentation |", "|---" * 6 + "|"]
    for name, setting in store.settings.items():
        if store.runs.get(name):
            training = setting["training"]
            begun = "" if setting["weights"] is None else ", from public weights"
            counts = [str(setting[split] or "all") for split in ("train_images", "test_images")]
            words = [TITLES[name], setting["model"] + begun, *counts, str(training["epochs"]), training["augment"]]
            lines.append(f"| {' | '.join(words)} |")
    text = PAGE.read_text()
    start = text.index("\n", text.index(BEGIN)) + 1
    made = "\n\n".join([note, picture, markdown(store.runs), "### How these were made", "\n".join(lines)])
    PAGE.write_text(text[:start] + made + "\n" + text[text.index(END) :])
