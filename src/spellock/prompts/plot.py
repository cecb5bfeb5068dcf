"""Content kept against shift, a point a prompt, the Pareto front marked; drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spellock.prompts.candidate import KINDS
from spellock.prompts.choose import pareto_front
from spellock.prompts.prompt_score import PromptScore

_COLOURS: Final = (
    "#c8553d",
    "#d9a441",
    "#7d6b9d",
    "#8a8f98",
    "#4f6d9a",
    "#2a7f62",
    "#222222",
    "#e38b75",
    "#8fb0d8",
    "#c2267f",
)


def scatter(scores: Sequence[PromptScore], chosen: PromptScore | None = None) -> bytes:
    """A PNG without any prompt written out.

    Args:
        scores: at least one.
        chosen: ringed.
    """
    front = [score for score, on in zip(scores, pareto_front(scores), strict=True) if on]
    front.sort(key=lambda score: (score.kept, -score.shift))
    figure = Figure(figsize=(8, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for kind, colour in zip(KINDS, _COLOURS, strict=True):
        points = [score for score in scores if score.candidate.kind == kind]
        if points:
            x, y = [100 * point.kept for point in points], [point.shift for point in points]
            axes.scatter(x, y, color=colour, s=36, alpha=0.85, edgecolors="k", linewidths=0.3, label=kind, zorder=3)
    axes.plot([100 * one.kept for one in front], [one.shift for one in front], "--", color="0.4", lw=1, label="front")
    if chosen is not None:
        place = (100 * chosen.kept, chosen.shift)
        axes.scatter(*place, s=190, facecolors="none", edgecolors="k", linewidths=1.6, label="recommended", zorder=4)
    axes.set_xlabel("content kept on edited images, % of raw ones")
    axes.set_ylabel("shift: how well edited is told from raw")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()
