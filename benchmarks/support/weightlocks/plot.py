"""One picture of `weight_locks.py`: above, what a key of each size reaches; below, ten adaptations in a row."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from support.results import RESULTS
from support.weightlocks.settings import CYCLES
from support.weightlocks.tables import ALL, WHOSE, Runs, pairs_of, percents, value

_COLOURS = {"default": "tab:blue", "delta": "tab:green", "adaloc": "tab:orange"}


def plot(done: Runs, name: str) -> None:
    """Write ``results/NAME.png``; nothing where nothing was measured."""
    pairs = pairs_of(done)
    if not pairs:
        return
    figure, axes = plt.subplots(
        2, len(pairs), figsize=(max(3.1 * len(pairs), 7), 6.8), sharey="row", squeeze=False, layout="constrained"
    )
    for above, below, pair in zip(*axes, pairs, strict=True):
        _sizes(above, done, pair)
        _cycles(below, done, pair)
    axes[0][0].set_ylabel("test accuracy, %")
    axes[1][0].set_ylabel("test accuracy on what has arrived, %")
    handles: dict[str, Artist] = {}
    for axis in axes.flat:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(list(handles.values()), list(handles), loc="outside lower center", ncol=2, fontsize=8, frameon=False)
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    plt.close(figure)


def _sizes(axis: Axes, done: Runs, pair: str) -> None:
    axis.set_title(pair, fontsize=9)
    for way, style, label in (("full", "-", "everything fine-tuned"), ("head only", ":", "classifier only")):
        level = value(done, pair, way, "authorised")
        if level is not None:
            axis.axhline(level, color="0.3", ls=style, lw=1.2, label=label)
    chance = value(done, pair, "no lock", "majority")
    if chance is not None:
        axis.axhline(chance, color="0.7", lw=1, label="always the most frequent class")
    for selection in ALL:
        ways = [f"{selection} {percent} %" for percent in percents(selection)]
        for figure, style, label in (("authorised", "o-", "with the key"), ("worst", "x", "without it")):
            points = [(value(done, pair, way, "key_bytes"), _figure(done, pair, way, figure)) for way in ways]
            known = [(x, y) for x, y in points if x is not None and y is not None]
            if known:
                sizes, reached = zip(*known, strict=True)
                title = f"{WHOSE[selection]} key: {label}"
                axis.plot(sizes, reached, style, color=_COLOURS[selection], label=title)
    axis.set_xscale("log")
    axis.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
    axis.minorticks_off()
    axis.set(xlim=(0.8, 60), ylim=(0, 100))
    axis.set_xlabel("key, % of the model's bytes")
    axis.grid(alpha=0.25)


def _cycles(axis: Axes, done: Runs, pair: str) -> None:
    cycles = list(range(1, CYCLES + 1))

    def line(way: str, figure: str, style: str, colour: str, label: str) -> None:
        found = [value(done, pair, way, f"{figure}_{cycle}") for cycle in cycles]
        known = [one for one in found if one is not None]
        if len(known) == len(cycles):
            axis.plot(cycles, known, style, color=colour, lw=1.4, ms=4, label=label)

    line("cycles, full", "authorised", "-", "0.3", "everything fine-tuned")
    line("cycles, full", "majority", "-", "0.7", "always the most frequent class")
    for selection in ALL:
        colour, title = _COLOURS[selection], f"{WHOSE[selection]} key"
        line(f"cycles, {selection}", "authorised", "o-", colour, f"{title}: with the key")
        line(f"cycles, {selection}", "unauthorised", "x", colour, f"{title}: without it")
        line("cycles, full", f"{selection}_public_fill", "--", colour, f"{title}, static: public weights in its place")
    if not axis.lines:
        axis.text(5.5, 50, "not measured yet", ha="center", va="center", color="0.4")
    axis.set(xlim=(0.6, CYCLES + 0.4), ylim=(0, 100), xlabel="adaptation", xticks=[1, 4, 7, 10])
    axis.grid(alpha=0.25)


def _figure(done: Runs, pair: str, way: str, figure: str) -> float | None:
    if figure != "worst":
        return value(done, pair, way, figure)
    found = [value(done, pair, way, f"unauthorised_{fill}") for fill in ("zero", "gaussian", "shuffled", "public")]
    known = [one for one in found if one is not None]
    return max(known) if known else None
