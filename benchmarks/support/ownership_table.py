"""The tables of `ownership.py`: which suspects each method holds for copies, and the power of few queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, median
from typing import Final

from support.cells import Figures, over_seeds

Runs = Mapping[str, Mapping[str, Figures]]
INDEPENDENT: Final = "independent"
#: Cells that say what a suspect is worth, in place of a method's verdict.
WORTH: Final = "accuracy"
#: A smaller statistic speaks for a copy.
_DISTANCES: Final = ("sac",)


def table(cells: Runs, rows: Sequence[str]) -> str:
    """Markdown: a row a suspect, a column a method; matches in percent of seeds and draws, and the median p-value."""
    known = [row for row in rows if any(name.startswith(f"{row} | ") for name in cells)]
    suspects = list(dict.fromkeys(name.split(" | ")[1] for name in cells))
    lines = [f"| suspect | right on raw | on edited | {' | '.join(known)} |", "|---" * (len(known) + 3) + "|"]
    for word in sorted(suspects, key=lambda word: word.startswith(INDEPENDENT)):
        worth = [over_seeds(cells.get(f"{WORTH} | {word}", {}), figure) for figure in ("raw", "edited")]
        found = [_entry(cells.get(f"{row} | {word}", {})) for row in known]
        lines.append(f"| {word} | {' | '.join([*worth, *found])} |")
    lines.append(f"| **copies found** | | | {' | '.join(_share(cells, row, copies=True) for row in known)} |")
    lines.append(f"| **false alarms** | | | {' | '.join(_share(cells, row, copies=False) for row in known)} |")
    lines.append(f"| AUC | | | {' | '.join(_area(cells, row) for row in known)} |")
    lines.append(f"| queries, at most | | | {' | '.join(_queries(cells, row) for row in known)} |")
    return "\n".join(lines)


def _entry(runs: Mapping[str, Figures]) -> str:
    if not runs:
        return ""
    matched = mean(run["match_percent"] for run in runs.values())
    return f"{matched:.0f} (p {median(run['p_percent'] for run in runs.values()) / 100:.2g})"


def _of(cells: Runs, row: str, *, copies: bool) -> list[Figures]:
    """All figures of a method about copies, or about independent models."""
    return [
        run
        for name, runs in cells.items()
        if name.startswith(f"{row} | ") and name.split(" | ")[1].startswith(INDEPENDENT) is not copies
        for run in runs.values()
    ]


def _share(cells: Runs, row: str, *, copies: bool) -> str:
    runs = _of(cells, row, copies=copies)
    tried = sum(run["draws"] for run in runs)
    matched = sum(run["draws"] * run["match_percent"] / 100 for run in runs)
    return f"{matched:.0f} of {tried:.0f}" if runs else ""


def _area(cells: Runs, row: str) -> str:
    """How often a copy looks more like one than an independent model does, percent: by the p-value of a rank among
    keys, else by the statistic."""

    def likeness(run: Figures) -> float:
        if row.startswith("key"):
            return -run["p_percent"]
        return -run["statistic_hundredths"] if row.startswith(_DISTANCES) else run["statistic_hundredths"]

    copies, others = ([likeness(run) for run in _of(cells, row, copies=one)] for one in (True, False))
    if not copies or not others:
        return ""
    wins = [(copy > other) + 0.5 * (copy == other) for copy in copies for other in others]
    return f"{100 * mean(wins):.0f}"


def _queries(cells: Runs, row: str) -> str:
    runs = [*_of(cells, row, copies=True), *_of(cells, row, copies=False)]
    return f"{max(run['queries'] for run in runs):,.0f}" if runs else ""
