"""Content kept against strength and against shift, a point a prompt, Pareto fronts marked; drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spellock.prompts.candidate import KINDS
from spellock.prompts.choose import Strength, pareto_front
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


_AXES: Final[Mapping[Strength, str]] = {
    "moved": "strength: how far features move",
    "shift": "shift: how well a probe tells edited from raw",
}


def scatter(scores: Sequence[PromptScore], chosen: PromptScore | None = None) -> bytes:
    """A PNG of two panels without any prompt written out.

    Args:
        scores: at least one.
        chosen: ringed.
    """
    figure = Figure(figsize=(12, 5), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(_AXES))
    for panel, (strength, label) in zip(panels, _AXES.items(), strict=True):
        _draw(panel, scores, chosen, strength)
        panel.set_xlabel("content kept on edited images, % of raw ones")
        panel.set_ylabel(label)
        panel.grid(alpha=0.3)
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    data = io.BytesIO()
    figure.savefig(data, format="png")
    return data.getvalue()


def _draw(axes: Axes, scores: Sequence[PromptScore], chosen: PromptScore | None, strength: Strength) -> None:
    def place(score: PromptScore) -> tuple[float, float]:
        return 100 * score.kept, float(getattr(score, strength))

    for kind, colour in zip(KINDS, _COLOURS, strict=True):
        points = [place(score) for score in scores if score.candidate.kind == kind]
        if points:
            x, y = zip(*points, strict=True)
            axes.scatter(x, y, color=colour, s=36, alpha=0.85, edgecolors="k", linewidths=0.3, label=kind, zorder=3)
    front = sorted({place(score) for score, on in zip(scores, pareto_front(scores, strength), strict=True) if on})
    axes.plot(*zip(*front, strict=True), "--", color="0.4", lw=1, label="front")
    if chosen is not None:
        axes.scatter(
            *place(chosen), s=190, facecolors="none", edgecolors="k", linewidths=1.6, label="recommended", zorder=4
        )
