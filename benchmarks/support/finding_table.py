"""The tables of `real_multilabel.py`: locks beside ModelLock's Table 4, and each finding by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support.cells import Figures, over_seeds

Runs = Mapping[str, Mapping[str, Figures]]
#: ModelLock's Table 4: baseline, UP and LP of the style lock on all of ChestX-ray14, macro AUROC in percent.
PAPER: Final = {"MAE ViT-B": [84.0, 82.7, 70.2], "SimCLR ResNet-50": [84.4, 82.8, 62.1]}
_COLUMNS: Final = {
    "baseline": "baseline", "up": "UP", "lp": "LP", "lp_mirrored": "LP mirrored", "lp_suppressed": "suppressed",
    "lp_suppressed_mirrored": "suppressed, mirrored", "lp_centred_mirrored": "centred, mirrored",
    "lp_same_path": "same path", "wrong_key_mean": "wrong keys, mean", "wrong_key_max_mirrored": "best, mirrored",
    "hardened_lp": "hardened LP", "up_map": "UP, mAP",
}  # fmt: skip


def tables(cells: Runs) -> str:
    """Markdown: a row a lock with what it costs, then a row a finding; percent."""
    done = {name: runs for name, runs in cells.items() if runs}
    lines = [f"| lock | {' | '.join(_COLUMNS.values())} | baseline - UP |", "|---" * (len(_COLUMNS) + 2) + "|"]
    for name, runs in done.items():
        lost = {seed: {"lost": run["baseline"] - run["up"]} for seed, run in runs.items()}
        shown = [over_seeds(runs, figure) for figure in _COLUMNS]
        lines.append(f"| {name} | {' | '.join(shown)} | {over_seeds(lost, 'lost')} |")
    for name, (baseline, up, lp) in PAPER.items():
        empty = " |" * (len(_COLUMNS) - 3)
        lines.append(
            f"| the paper's style lock, {name} | {baseline:.1f} | {up:.1f} | {lp:.1f} |{empty} {baseline - up:.1f} |"
        )
    lines += ["", *_intervals(done), "", *_findings(done)]
    return "\n".join(lines)


def _intervals(done: Runs) -> list[str]:
    """The bootstrap's intervals of the first seed, which those over seeds do not show."""
    lines = []
    for name, runs in done.items():
        seed, run = next(iter(runs.items()))
        parts = [
            f"{_COLUMNS[one]} {run[f'{one}, low']:.0f} to {run[f'{one}, high']:.0f}" for one in ("baseline", "up", "lp")
        ]
        lines.append(f"- {name}, seed {seed}: 95 % {'; '.join(parts)}.")
    return lines


def _findings(done: Runs) -> list[str]:
    """AUROC of each judged finding with the key and without."""
    names = list(dict.fromkeys(
        figure.removesuffix(": positives") for runs in done.values() for run in runs.values() for figure in run
        if figure.endswith(": positives")
    ))  # fmt: skip
    if not names:
        return []
    lines = [f"| UP / LP | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for name, runs in done.items():
        shown = [f"{over_seeds(runs, f'{one}: up')} / {over_seeds(runs, f'{one}: lp')}" for one in names]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    some = next(iter(done.values()))
    positives = [over_seeds(some, f"{one}: positives", digits=0) for one in names]
    return [*lines, f"| test images that have it | {' | '.join(positives)} |"]
