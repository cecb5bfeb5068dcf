"""Write the tables of docs/reproduction.md and draw its plots from the checked-in result files, nothing typed by hand.

python benchmarks/fill_reproduction.py
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.cells import over_seeds
from support.locks_tables import IN_VIEW, patch_table, table5
from support.locks_tables import plot as plot_locks
from support.prompts_agreement import between_seeds, between_sets
from support.prompts_tables import kind_table, prompt_table
from support.prompts_tables import plot as plot_prompts
from support.results import PAPER, RESULTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reproduction.md"
#: Baseline, UP and LP of Table 2's style locks, for the sets nearest to ours.
TABLE2 = PAPER | {"Pets, SimCLR ResNet-50": (87.19, 85.45, 11.26)}
#: Sets that `prompts.py` takes at 32 px besides its own.
SMALL_SETS = {"cifar10": "CIFAR-10", "fashion_mnist": "Fashion-MNIST"}
SETS = {"cifar10": "CIFAR-10", "gtsrb": "GTSRB", "fashion_mnist": "Fashion-MNIST", "imagenette": "Imagenette, 96 px"}
Table = Callable[[dict[str, Any]], list[str]]
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
    rows += [f"| paper: {title} | | {base:.2f} | {up:.2f} | {lp:.2f} | | |" for title, (base, up, lp) in TABLE2.items()]
    for name, title in SETS.items():
        document = load(f"real_{name}")
        if document is not None:
            cells = " | ".join(over_seeds(document["figures"]["runs"], figure) for figure in _OURS)
            model = document["figures"].get("settings", {}).get("model")
            rows.append(f"| {title}{f', {model}' if model else ''} | {len(document['seeds'])} | {cells} |")
    return rows


def cells(name: str, table: Table, total: int, *, picture: str = "") -> list[str]:
    """The table of a benchmark made of cells, with a line about where it comes from, and its plot under ``picture``."""
    document = load(name)
    if document is None:
        return ["Not measured yet."]
    settings, done = document["figures"]["settings"], document["figures"]["cells"]
    locks = [runs for cell, runs in done.items() if not cell.startswith(IN_VIEW)]
    counts = [sum(str(seed) in runs for runs in locks) for seed in document["seeds"]]
    finished = [f"{count} of {total} with seed {seed}" for seed, count in zip(document["seeds"], counts, strict=True)]
    note = (
        f"Percent, UP / LP where two stand together; {settings['images']} at {settings['side']} px, "
        f"{settings['training_images']} training and {settings['test_images']} test images, {settings['model']}; "
        f"cells measured: {', '.join(finished)}. `{document['command']}`, {document['hardware']}, {document['date']}."
    )
    shown = ["", f"![{picture}](../benchmarks/results/{name}.png)"] if picture else []
    return [*table(done), "", note, *shown]


def agreement() -> list[str]:
    """How far the figures of a prompt depend on the seed and on the set, a line a set with several seeds."""
    first = load("prompts")
    if first is None:
        return ["Not measured yet."]
    one, lines = first["figures"]["cells"], []
    for name, title in SMALL_SETS.items():
        document = load(f"prompts_{name}")
        if document is not None:
            other = document["figures"]["cells"]
            lines.append(f"- {title}: {between_seeds(other)} {between_sets(one, other)}")
    return lines


def draw() -> None:
    """The plots, from the same files as the tables."""
    prompts = ["prompts", *(f"prompts_{name}" for name in SMALL_SETS)]
    for name, plot in (("locks_compared", plot_locks), *((name, plot_prompts) for name in prompts)):
        document = load(name)
        if document is not None:
            plot(document["figures"]["cells"], name)


def main() -> None:
    draw()
    parts = {
        "table2": table2(),
        "table5": cells(
            "locks_compared", table5, 41, picture="Table 5, the paper's and ours, and the patches one by one"
        ),
        "patches": cells("locks_compared", patch_table, 41),
        "kinds": cells("prompts", kind_table, 74, picture="UP against LP for every prompt"),
        **{
            f"kinds {name}": cells(f"prompts_{name}", kind_table, 74, picture=f"The same for {title}")
            for name, title in SMALL_SETS.items()
        },
        "agreement": agreement(),
        "prompts": cells("prompts", prompt_table, 74),
        **{f"prompts {name}": cells(f"prompts_{name}", prompt_table, 74) for name in SMALL_SETS},
    }
    text = PAGE.read_text()
    for name, lines in parts.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        start = text.index(begin) + len(begin)
        text = text[:start] + "\n".join(lines) + "\n" + text[text.index(end) :]
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
