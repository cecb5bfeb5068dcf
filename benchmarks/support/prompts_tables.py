"""What `prompts.py` shows: the prompts of the paper by kind, tables of UP and LP, and the scatter plot of Figure S3."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import mean, stdev
from typing import Final

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from spellock.editors.vocabulary import (
    DEFAULT_STYLE_PROMPT,
    IRRELEVANT_OBJECTS,
    RELEVANT_OBJECTS,
    STYLE_PROMPTS,
    object_prompt,
)
from support.cells import Figures, over_seeds
from support.results import RESULTS

Runs = Mapping[str, Mapping[str, Figures]]

BASELINE: Final = "no lock"
#: Table S3.
MEANINGLESS: Final = ("with '@de%`fwd#oi' in the background", "#9T8oN07y1%6$")
#: The columns of Tables S1 and S2, the prompts of Table S3, and the paper's default style prompt.
KINDS: Final[dict[str, tuple[str, ...]]] = {
    **STYLE_PROMPTS,
    "irrelevant object": tuple(map(object_prompt, IRRELEVANT_OBJECTS)),
    "relevant object": tuple(map(object_prompt, RELEVANT_OBJECTS)),
    "meaningless": MEANINGLESS,
    "default": (DEFAULT_STYLE_PROMPT,),
}
KIND_OF: Final = {prompt: kind for kind, prompts in KINDS.items() for prompt in prompts}
PROMPTS: Final = tuple(KIND_OF)
#: What the paper prints of its prompts on Pets (Tables 2 and S3): UP and LP of MAE ViT-B and of SimCLR ResNet-50. Its
#: Figures 4 and S3 have no numbers.
PAPER: Final = {
    DEFAULT_STYLE_PROMPT: ((92.12, 15.07), (85.45, 11.26)),
    object_prompt("baseball"): ((91.80, 37.97), (85.04, 24.34)),
    MEANINGLESS[0]: ((91.55, 52.74), (84.63, 32.03)),
    MEANINGLESS[1]: ((91.66, 58.60), (84.03, 25.16)),
}
_COLUMNS: Final = {"up": "UP", "lp": "LP", "lp_suppressed": "suppressed LP", "hardened_lp": "hardened LP"}
_MARKS: Final = {
    "painting": ("tab:red", "o"), "artist": ("tab:orange", "o"), "art form": ("tab:purple", "o"),
    "photo adjustment": ("tab:brown", "o"), "irrelevant object": ("tab:blue", "^"),
    "relevant object": ("tab:green", "^"), "meaningless": ("black", "X"), "default": ("gold", "*"),
}  # fmt: skip


def kind_table(done: Runs) -> list[str]:
    """One row a kind: the mean over its prompts (each over its seeds) and the standard deviation between prompts."""
    rows = [f"| kind | prompts | {' | '.join(_COLUMNS.values())} |", "|---" * (len(_COLUMNS) + 2) + "|"]
    for kind, prompts in KINDS.items():
        measured = [_means(done[prompt]) for prompt in prompts if done.get(prompt)]
        if measured:
            cells = [_spread([figures[name] for figures in measured]) for name in _COLUMNS]
            rows.append(f"| {kind} | {len(measured)} | {' | '.join(cells)} |")
    if done.get(BASELINE):
        accuracy = over_seeds(done[BASELINE], "up")
        rows.append(f"| no lock | | {accuracy} | {accuracy} | | |")
    return rows


def prompt_table(done: Runs) -> list[str]:
    """The prompts for which the paper prints figures, then each kind's lowest LP; the paper's beside ours."""
    rows = [
        f"| key prompt | kind | paper, MAE ViT-B | paper, SimCLR R50 | {' | '.join(_COLUMNS.values())} |",
        "|---" * (len(_COLUMNS) + 4) + "|",
    ]
    best = []
    for prompts in KINDS.values():
        measured = [prompt for prompt in prompts if done.get(prompt)]
        if measured:
            best.append(min(measured, key=lambda prompt: _means(done[prompt])["lp"]))
    for prompt in dict.fromkeys([*PAPER, *best]):
        paper = [f"{up:.2f} / {lp:.2f}" for up, lp in PAPER[prompt]] if prompt in PAPER else ["", ""]
        ours = [over_seeds(done.get(prompt, {}), name) for name in _COLUMNS]
        shown = f"`` {prompt} ``" if "`" in prompt else f"`{prompt}`"
        rows.append(f"| {shown} | {KIND_OF[prompt]} | {' | '.join([*paper, *ours])} |")
    return rows


def plot(done: Runs, name: str) -> None:
    """UP against LP, a point a prompt: left as the model answers, right what a thief reads from it (hardened LP)."""
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 5.2), sharex=True, sharey=True)
    panels = (
        ("lp", "LP: what the model says without the key, %"),
        ("hardened_lp", "hardened LP: what a thief reads, %"),
    )
    for axis, (measure, label) in zip(axes, panels, strict=True):
        for kind, prompts in KINDS.items():
            points = [_means(done[prompt]) for prompt in prompts if done.get(prompt)]
            colour, mark = _MARKS[kind]
            axis.scatter(
                [point[measure] for point in points], [point["up"] for point in points], c=colour, marker=mark,
                s=150 if mark == "*" else 45, edgecolors="k", linewidths=0.4, alpha=0.85, label=kind, zorder=3,
            )  # fmt: skip
        if done.get(BASELINE):
            axis.axhline(_means(done[BASELINE])["up"], color="0.4", ls="--", lw=1, label="no lock")
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    limits = axes[0].get_xlim(), axes[0].get_ylim()
    for axis in axes:
        axis.axline((50, 50), slope=1, color="0.7", lw=1, zorder=1)
        axis.set(xlim=limits[0], ylim=limits[1])
    axes[0].set_ylabel("UP: with the key, %")
    axes[0].set_title("Figure S3: up and to the left is a good lock; on the grey line there is none", fontsize=10)
    axes[1].legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    plt.close(figure)


def _means(runs: Mapping[str, Figures]) -> dict[str, float]:
    names = next(iter(runs.values()))
    return {name: mean(run[name] for run in runs.values()) for name in names}


def _spread(values: list[float]) -> str:
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")
