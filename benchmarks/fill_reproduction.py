"""Write the tables of docs/reproduction.md from the checked-in result files, so that no figure is typed by hand.

python benchmarks/fill_reproduction.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.cells import over_seeds
from support.locks_tables import patch_table, table5
from support.prompts_tables import kind_table, prompt_table
from support.results import RESULTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reproduction.md"
#: Baseline, UP and LP of Table 2, the sets nearest to ours; style locks.
TABLE2 = {
    "paper: CIFAR-10, MAE ViT-B": (98.83, 98.02, 0.00), "paper: CIFAR-10, SimCLR ResNet-50": (98.09, 97.27, 0.00),
    "paper: STL-10, MAE ViT-B": (98.40, 97.76, 0.89), "paper: Pets, MAE ViT-B": (92.97, 92.12, 15.07),
    "paper: Pets, SimCLR ResNet-50": (87.19, 85.45, 11.26),
}  # fmt: skip
SETS = {"cifar10": "CIFAR-10", "gtsrb": "GTSRB", "fashion_mnist": "Fashion-MNIST", "imagenette": "Imagenette, 96 px"}
_OURS = ("baseline", "up", "lp", "lp_suppressed", "hardened_lp")


def load(name: str) -> dict[str, Any] | None:
    """A result file, or None where it was not made yet."""
    path = RESULTS / f"{name}.json"
    document: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return document


def table2() -> list[str]:
    """The paper's rows, and ours with the package's own way of locking."""
    rows = [
        "| data, model | seeds | baseline | UP | LP | suppressed LP | hardened LP |",
        "|---|---|---|---|---|---|---|",
    ]
    rows += [f"| {title} | | {base:.2f} | {up:.2f} | {lp:.2f} | | |" for title, (base, up, lp) in TABLE2.items()]
    for name, title in SETS.items():
        document = load(f"real_{name}")
        if document is not None:
            cells = " | ".join(over_seeds(document["figures"]["runs"], figure) for figure in _OURS)
            model = document["figures"].get("settings", {}).get("model")
            rows.append(f"| {title}{f', {model}' if model else ''} | {len(document['seeds'])} | {cells} |")
    return rows


def cells(name: str, table: Callable[[dict[str, Any]], list[str]], total: int) -> list[str]:
    """The table of a benchmark made of cells, with a line about where it comes from."""
    document = load(name)
    if document is None:
        return ["Not measured yet."]
    settings, done = document["figures"]["settings"], document["figures"]["cells"]
    counts = [sum(str(seed) in runs for runs in done.values()) for seed in document["seeds"]]
    finished = [f"{count} of {total} with seed {seed}" for seed, count in zip(document["seeds"], counts, strict=True)]
    note = (
        f"Percent, UP / LP where two stand together; {settings['images']} at {settings['side']} px, "
        f"{settings['training_images']} training and {settings['test_images']} test images, {settings['model']}; "
        f"cells measured: {', '.join(finished)}. `{document['command']}`, {document['hardware']}, {document['date']}."
    )
    return [*table(done), "", note]


def main() -> None:
    parts = {
        "table2": table2(),
        "table5": cells("locks_compared", table5, 29),
        "patches": cells("locks_compared", patch_table, 29),
        "kinds": cells("prompts", kind_table, 74),
        "prompts": cells("prompts", prompt_table, 74),
    }
    text = PAGE.read_text()
    for name, lines in parts.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        start = text.index(begin) + len(begin)
        text = text[:start] + "\n".join(lines) + "\n" + text[text.index(end) :]
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
