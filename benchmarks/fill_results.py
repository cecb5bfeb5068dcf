"""Write the README's results from the checked-in result files, so that no figure is typed by hand.

python benchmarks/fill_results.py
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from support.results import PAPER, RESULTS

README = Path(__file__).resolve().parents[1] / "README.md"
BEGIN, END = "<!-- results: begin", "<!-- results: end -->"
NAMES = {"cifar10": "CIFAR-10", "gtsrb": "GTSRB", "fashion_mnist": "Fashion-MNIST", "imagenette": "Imagenette, 96 px"}
COLUMNS = {
    "baseline": "baseline", "up": "UP", "lp": "LP", "lp_suppressed": "suppressed", "lp_centred": "centred",
    "lp_same_path": "same path", "wrong_key_mean": "wrong keys, mean", "wrong_key_max": "wrong keys, best",
    "wrong_key_suppressed_max": "the same, lock class dropped",
    "hardened_lp": "hardened LP",
}  # fmt: skip


def load(name: str) -> dict[str, Any] | None:
    """A result file, or None where it was not made yet."""
    path = RESULTS / f"{name}.json"
    document: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return document


def real_results() -> list[str]:
    """One row a data set, and the paper's rows for its nearest ones."""
    rows = [f"| data | seeds | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 2) + "|"]
    ablation = load("hardening")
    hardening: dict[str, Any] = {} if ablation is None else ablation["figures"]["runs"]
    for name, title in NAMES.items():
        document = load(f"real_{name}")
        if document is not None:
            cells = " | ".join(cell(list(document["figures"]["runs"].values()), column) for column in COLUMNS)
            objective = document["figures"]["settings"].get("objective", {}).get("objective")
            way = "raw twins" if objective is None else f"raw twins, {objective}"
            rows.append(f"| {title}, {way} | {len(document['seeds'])} | {cells} |")
        hardened = list(hardening.get(name, {}).get("hardened", {}).values())
        if hardened:
            cells = " | ".join(cell(hardened, column) for column in COLUMNS)
            rows.append(f"| **{title}, hardened** | {len(hardened)} | {cells} |")
    empty = "| " * (len(COLUMNS) - 3)
    rows += [f"| paper: {title} | | {baseline} | {up} | {lp} {empty}|" for title, (baseline, up, lp) in PAPER.items()]
    return rows


def cell(runs: list[dict[str, Any]], figure: str) -> str:
    """Mean over the seeds, with their standard deviation where there are several."""
    values = [run[figure] for run in runs if figure in run]
    if not values:
        return ""
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def demo_results() -> list[str]:
    """The demonstration's row."""
    document = load("demo")
    if document is None:
        return []
    cells = " | ".join(cell(list(document["figures"]["runs"].values()), column) for column in COLUMNS)
    return [f"| digits (`spellock demo`) | {len(document['seeds'])} | {cells} |"]


def editor_results() -> list[str]:
    """What the embedded editor can do."""
    document = load("editor_quality")
    if document is None:
        return []
    figures = document["figures"]
    labels = {
        "separability_styles_percent": "20 style prompts told apart from single pictures, blend 0.5 (%)",
        "separability_styles_of_the_teacher_percent": "the same for its teacher's own edits (%)",
        "separability_random_strings_percent": "20 random strings told apart, blend 0.5 (%)",
        "separability_random_strings_of_the_teacher_percent": "the same for its teacher's own edits (%)",
        "content_raw_percent": "CIFAR-10 accuracy, trained and tested on raw pictures (%)",
        "content_oil_pastel_percent": 'the same on pictures edited with "with oil pastel" (%)',
        "content_oil_pastel_secret_percent": "the same with a secret string appended (%)",
        "edits_per_second_32px": "edits a second at 32 px",
        "edits_per_second_64px": "edits a second at 64 px",
        "peak_memory_mb": "peak memory (MB)",
    }
    rows = [f"| {label} | {figures[name]} |" for name, label in labels.items() if name in figures]
    return ["", "The embedded editor, on pictures it was not trained on:", "", "| what | figure |", "|---|---|", *rows]


def main() -> None:
    document = next((found for name in NAMES if (found := load(f"real_{name}")) is not None), load("demo"))
    note = "" if document is None else f"Percent; {document['hardware']}, {document['date']}."
    lines = [*real_results(), *demo_results(), "", note, *editor_results()]
    text = README.read_text()
    start = text.index("\n", text.index(BEGIN)) + 1
    README.write_text(text[:start] + "\n".join(lines) + "\n" + text[text.index(END) :])


if __name__ == "__main__":
    main()
