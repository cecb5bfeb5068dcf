"""What a search found against what it has cost: the best so far, rung by rung, and the pilots."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

_SEARCHED, _LISTED, _CONFIRMED = "#2a7f62", "#c8553d", "#4f6d9a"
#: Kinds of points with pilots: name, colour, marker.
KINDS: Final = {
    "searched": ("searched key", _SEARCHED, "o"),
    "listed": ("best listed prompt", _LISTED, "s"),
    "confirmed": ("confirmed on other images", _CONFIRMED, "D"),
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """The best worth so far within one rung.

    Attributes:
        rung: from 1.
        listed: of listed prompts, else of searched keys.
        points: (edits so far in all, best worth so far), in the order of work.
    """

    rung: int
    listed: bool
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A pilot: edits so far in all, UP - hardened LP, and one of `KINDS`."""

    edits: int
    objective: float
    kind: str


def running_best(values: Sequence[float], costs: Sequence[int], *, start: int) -> tuple[tuple[int, float], ...]:
    """(cost so far, highest value so far) after each of ``values``, which cost ``costs`` each after ``start``."""
    found, spent, best = [], start, float("-inf")
    for value, cost in zip(values, costs, strict=True):
        spent, best = spent + cost, max(best, value)
        found.append((spent, best))
    return tuple(found)


def draw_curve(lines: Sequence[Line], points: Sequence[Point]) -> bytes:
    """A PNG of both objectives against edits, with no part of a key."""
    figure = Figure(figsize=(9, 4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    named = set()
    for line in lines:
        name, colour = ("listed prompts", _LISTED) if line.listed else ("searched keys", _SEARCHED)
        x, y = zip(*line.points, strict=True)
        left.step(x, y, where="post", color=colour, label=None if name in named else name, marker=".", ms=3)
        named.add(name)
    for rung in sorted({line.rung for line in lines} - {1}):
        border = min(line.points[0][0] for line in lines if line.rung == rung)
        left.axvline(border, color="0.7", ls=":", lw=1)
    left.set_ylabel("best worth of the rung so far")
    searched = [(one.edits, one.objective) for one in points if one.kind == "searched"]
    if searched:
        costs = [after - before for (after, _), before in zip(searched, [0, *(x for x, _ in searched)], strict=False)]
        best = running_best([value for _, value in searched], costs, start=0)
        right.step(*zip(*[(x, 100 * y) for x, y in best], strict=True), where="post", color=_SEARCHED, lw=1)
    for kind, (name, colour, marker) in KINDS.items():
        own = [(one.edits, 100 * one.objective) for one in points if one.kind == kind]
        if own:
            right.scatter(*zip(*own, strict=True), color=colour, marker=marker, s=36, label=name, zorder=3)
    right.set_ylabel("pilots: UP - hardened LP, points")
    for axes in (left, right):
        axes.set_xlabel("edits so far")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
