"""The report's two plots, drawn without a display and without touching matplotlib's global state."""

from __future__ import annotations

import base64
import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray
from PIL import Image

from spellock.evaluation.report import Report

_KEYED, _BASELINE, _KEYLESS, _WORST = "#2a7f62", "#8a8f98", "#c8553d", "#7d1d3f"
#: A wrong key's colour by its kind.
KIND_COLOURS = {
    "other prompt": "#4f6d9a",
    "other secret": "#c8553d",
    "near synonym": "#d9a441",
    "other setting": "#7d6b9d",
}
#: Longest side of a picture in the page, in pixels.
_PICTURE_SIDE = 256
_NOT_DRAWN = ("chance", "majority_class")
#: Ends of the names of figures that stand beside a task's main one: in the table, but not in the picture.
_BESIDE = ("_50", "_75", "_map")


def picture_uri(image: NDArray[np.uint8]) -> str:
    """A uint8 RGB image (H, W, 3) as a PNG inside a data URI, made smaller where it is large."""
    picture = Image.fromarray(image)
    picture.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    return _uri(picture)


def drawn_names(report: Report) -> list[str]:
    """The figures that have a bar: those of the task's main measure, which is what the axis and the line at chance are
    of."""
    return [name for name in report.figures if name not in _NOT_DRAWN and not name.endswith(_BESIDE)]


def figure_bars(report: Report) -> str:
    """All figures as bars with 95 % intervals and a line at chance; a PNG data URI."""
    names = drawn_names(report)
    figure = Figure(figsize=(9, 0.9 + 0.3 * len(names)), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(names))[::-1]
    estimates = [report.figures[name] for name in names]
    values = np.array([100 * one.value for one in estimates])
    limits = np.array([[100 * (one.value - one.low), 100 * (one.high - one.value)] for one in estimates]).T
    axes.barh(places, values, height=0.7, color=[_colour(name) for name in names])
    axes.errorbar(values, places, xerr=np.maximum(limits, 0), fmt="none", ecolor="#222222", elinewidth=1, capsize=2.5)
    chance = 100 * report["chance"]
    axes.axvline(chance, color="#222222", linestyle="--", linewidth=1)
    axes.text(chance + 0.7, places[0] + 0.62, f"chance {chance:.1f} %", fontsize=8, va="center")
    axes.set_yticks(places, [report.texts[name][0] for name in names], fontsize=9)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.6, len(names) - 0.1)
    axes.set_xlabel(f"{report.measure}, %")
    axes.spines[["top", "right"]].set_visible(False)
    return drawn(figure)


def wrong_key_histogram(report: Report) -> str:
    """How far each wrong key unlocks, by kind, with UP and chance beside; a PNG data URI."""
    figure = Figure(figsize=(9, 2.9), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    kinds = [kind for kind in KIND_COLOURS if any(one.kind == kind for one in report.wrong_keys)]
    groups = [[100 * one.accuracy.value for one in report.wrong_keys if one.kind == kind] for kind in kinds]
    axes.hist(
        groups,
        bins=list(np.linspace(0, 100, 21)),
        stacked=True,
        color=[KIND_COLOURS[kind] for kind in kinds],
        label=kinds,
    )
    axes.axvline(100 * report["up"], color=_KEYED, linewidth=2, label="right key (UP)")
    axes.axvline(100 * report["chance"], color="#222222", linestyle="--", linewidth=1, label="chance")
    axes.set_xlim(0, 100)
    axes.set_xlabel(f"{report.measure} with a wrong key, %")
    axes.set_ylabel("keys")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return drawn(figure)


def _colour(name: str) -> str:
    kind = name.partition("_")[0]
    if kind == "baseline":
        return _BASELINE
    if kind == "up":
        return _KEYED
    return _WORST if name.startswith("hardened") else _KEYLESS


def drawn(figure: Figure) -> str:
    """A figure as a PNG data URI."""
    FigureCanvasAgg(figure)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return _as_uri(data)


def _uri(image: Image.Image) -> str:
    data = io.BytesIO()
    image.save(data, format="PNG", optimize=True)
    return _as_uri(data)


def _as_uri(data: io.BytesIO) -> str:
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()
