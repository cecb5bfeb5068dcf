"""Table and plot of `hardening.py`: UP, LP and hardened LP by recipe and data set."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from support.results import RESULTS

COLUMNS = ("baseline", "up", "lp", "lp_suppressed", "lp_centred", "lp_centred_bn", "wrong_key_mean", "wrong_key_max",
           "wrong_key_suppressed_max", "hardened_lp")  # fmt: skip


def table(runs: dict[str, Any], order: Sequence[str]) -> str:
    """Markdown, in percent: means over the seeds, and the standard deviation where there are several."""
    rows = []
    for title, recipes in runs.items():
        rows += [f"| {title} | seeds | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 2) + "|"]
        # Of what an earlier version did differently there may be cells that no recipe makes any more.
        for recipe in (*order, *(name for name in recipes if name not in order)):
            if cells := list(recipes.get(recipe, {}).values()):
                shown = [_mean([one[column] for one in cells]) for column in COLUMNS]
                rows.append(f"| {recipe} | {len(cells)} | {' | '.join(shown)} |")
        rows.append("")
    return "\n".join(rows)


def _mean(values: list[float]) -> str:
    spread = f" ± {stdev(values):.1f}" if len(values) > 1 else ""
    return f"{mean(values):.1f}{spread}"


def plot(runs: dict[str, Any], order: Sequence[str]) -> None:
    """UP against hardened LP of what recipes make, one panel a data set; up and to the left is better."""
    runs = {title: recipes for title, recipes in runs.items() if not recipes.keys().isdisjoint(order)}
    figure, axes = plt.subplots(-(-len(runs) // 2), 2, figsize=(11.5, 3.6 * -(-len(runs) // 2)), squeeze=False,
                                layout="constrained")  # fmt: skip
    for axis in axes.flat[len(runs) :]:
        axis.remove()
    for axis, (title, recipes) in zip(axes.flat, runs.items(), strict=False):
        known = {number: list(recipes[recipe].values()) for number, recipe in enumerate(order) if recipe in recipes}
        for number, cells in known.items():
            points = [(one["hardened_lp"], one["up"]) for one in cells]
            marker = "os^Dv<>PX*hp8"[number % 13]
            axis.scatter(*zip(*points, strict=True), marker=marker, label=order[number], color=f"C{number % 10}")
        every = [one for cells in recipes.values() for one in cells.values()]
        axis.axhline(mean(one["baseline"] for one in every), color="0.8", lw=1, zorder=0)
        axis.axvline(every[0]["chance"] + 5, color="0.8", lw=1, ls="--", zorder=0)
        axis.set(title=title, xlabel="hardened LP, %", ylabel="UP, %", xlim=(0, 100))
        axis.set_ylim(min(75, *(one["up"] - 1 for one in every)), 100)
    found = [axis.get_legend_handles_labels() for axis in axes.flat[: len(runs)]]
    shown = {label: handle for handles, labels in found for handle, label in zip(handles, labels, strict=True)}
    figure.legend(shown.values(), shown.keys(), fontsize=8, loc="outside right upper")
    figure.suptitle("a mark a seed; grey lines: the baseline without a lock, and chance + 5 points", fontsize=9)
    figure.savefig(RESULTS / "hardening.png", dpi=90)
    plt.close(figure)
