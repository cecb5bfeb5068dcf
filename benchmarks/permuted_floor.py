"""What the permuted reading gives without any model: raw test images sorted by how bright they are.

The reading is given the labels of half of the test images. Where images of a class are alike in their light, a bin
of brightness tells something of the class, and so does every answer that follows the picture's light or texture: that
much of the figure is no theft. Images are put into as many equal bins as there are classes, by mean and by spread of
their pixels; the bins are renamed as the outputs of a model are. Percent.

    python benchmarks/permuted_floor.py [--data FOLDER]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from support import shared_data
from support.pages import fill_page
from support.real_settings import SETTINGS
from support.results import RESULTS, write_result

from spellock.evaluation.folds import cross_folds
from spellock.evaluation.halves import halves
from spellock.evaluation.permuted import permuted_hits

NAMES = ("cifar10", "gtsrb", "fashion_mnist")


def renamed(values: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy of equal bins of ``values`` (N,) after the best renaming, fitted on the other half; percent."""
    classes = int(labels.max()) + 1
    bins = np.argsort(np.argsort(values, kind="stable"), kind="stable") * classes // len(values)
    answers = np.eye(classes, dtype=np.float32)[bins]
    return 100 * float(permuted_hits(cross_folds(answers, labels, *halves(labels, seed=0)), labels, None).mean())


def hardened() -> dict[str, float]:
    """The same reading of the hardened locks, mean over the seeds; where known."""
    path = RESULTS / "hardening.json"
    runs = json.loads(path.read_text())["figures"]["runs"] if path.exists() else {}
    cells = {name: list(runs.get(name, {}).get("hardened", {}).values()) for name in NAMES}
    return {name: float(np.mean([one["lp_permuted"] for one in known])) for name, known in cells.items() if known}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=shared_data.default_folder())
    args = parser.parse_args()
    locks, figures = hardened(), {}
    for name in NAMES:
        images, labels = SETTINGS[name].read(args.data, SETTINGS[name].test)
        figures[name] = {
            "images": len(labels),
            "chance": 100 / (int(labels.max()) + 1),
            "brightness": renamed(images.mean(axis=(1, 2, 3)), labels),
            "contrast": renamed(images.std(axis=(1, 2, 3)), labels),
        } | ({"hardened": locks[name]} if name in locks else {})
    write_result("permuted_floor", figures, seeds=[0], command="python benchmarks/permuted_floor.py")
    rows = ["| data | chance | by brightness | by contrast | hardened lock |", "|---" * 5 + "|"]
    for name, found in figures.items():
        values = [found[column] for column in ("chance", "brightness", "contrast")]
        lock = f"{found['hardened']:.1f}" if "hardened" in found else ""
        rows.append(f"| {name} | {' | '.join(f'{value:.1f}' for value in values)} | {lock} |")
    fill_page("hardening.md", "permuted floor", "\n".join(rows))


if __name__ == "__main__":
    main()
