"""One picture of all cells: what the key gives, what the paper calls unverified, and what a thief gets."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from support.mlock.data import TITLES
from support.mlock.paper import CERTIFICATES, STRATEGIES, paper_cells
from support.mlock.settings import TARGETS
from support.mlock.tables import Runs, baselines

#: Figure, its name in the legend, and its colour (told apart by the colour-blind, too).
_BARS: Final = (
    ("up", "with the certificate (trusted, UP)", "#009E73"),
    ("lp", "without it (unverified, LP)", "#0072B2"),
    ("hardened_lp", "without it, the best cheap attack (hardened LP)", "#D55E00"),
)
_WIDTH: Final = 0.26


def plot(runs: Runs, path: Path) -> None:
    """Write the picture: a row a strategy, a column a certificate, a group of bars a data set."""
    names = [name for name in TITLES if runs.get(name)]
    size = (2.4 + 3.6 * len(CERTIFICATES), 1.6 + 2.4 * len(STRATEGIES))
    figure, axes = plt.subplots(
        len(STRATEGIES), len(CERTIFICATES), figsize=size, sharex=True, sharey=True, squeeze=False
    )
    for line, strategy in zip(axes, STRATEGIES, strict=True):
        for axis, certificate in zip(line, CERTIFICATES, strict=True):
            _panel(axis, runs, names, strategy, certificate)
        line[0].set_ylabel(f"{strategy}: {TARGETS[strategy]}\naccuracy, %")
    for axis, certificate in zip(axes[0], CERTIFICATES, strict=True):
        axis.set_title(certificate if "place" in certificate else f"{certificate}, fixed place")
    handles = [
        *(Rectangle((0, 0), 1, 1, color=colour, label=label) for _, label, colour in _BARS),
        Line2D([], [], color="black", linewidth=1.5, label="baseline without a lock"),
        Line2D([], [], color="black", linestyle="", marker="D", markerfacecolor="white", label="the paper's figure"),
    ]
    figure.legend(handles=handles, loc="upper center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0, 1, 0.92))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _panel(axis: Axes, runs: Runs, names: list[str], strategy: str, certificate: str) -> None:
    paper = paper_cells()
    for place, name in enumerate(names):
        found: list[dict[str, Any]] = list(runs[name].get(f"{strategy}, {certificate}", {}).values())
        for bar, (figure, _, colour) in enumerate(_BARS):
            values = [run[figure] for run in found]
            if values:
                spread = stdev(values) if len(values) > 1 else 0.0
                axis.bar(place + (bar - 1) * _WIDTH, mean(values), _WIDTH, color=colour, yerr=spread, ecolor="#444444")
        theirs = paper[strategy, name, certificate]
        marks = [place - _WIDTH, place], [theirs.trusted, theirs.unverified]
        axis.plot(*marks, linestyle="", marker="D", markersize=5, color="black", markerfacecolor="white")
        if clean := baselines(runs, name):
            axis.hlines(mean(clean), place - 1.5 * _WIDTH, place + 1.5 * _WIDTH, color="black", linewidth=1.5)
    axis.set_xticks(range(len(names)), [TITLES[name].replace("Fashion-", "Fashion-\n") for name in names], fontsize=9)
    axis.set_ylim(0, 104)
    axis.grid(axis="y", alpha=0.3)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
