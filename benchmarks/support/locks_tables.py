"""What `locks_compared.py` shows: the paper's Table 5 with ours beside it, the patches one by one, and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean
from typing import Final

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from support.cells import Figures, over_seeds
from support.results import RESULTS

Runs = Mapping[str, Mapping[str, Figures]]

AUGMENTS: Final = ("random-resized-crop-erase", "crop-flip", "none")
#: Side in pixels of 224.
PATCHES: Final = {"BadNets-5": 5, "BadNets-20": 20, "BadNets-50": 50}
LOCKS: Final = ("none", *PATCHES, "Blend", "WaNet", "Nashville", "ModelLock")
#: UP and LP of the paper's Table 5, Pets; the models without a lock from its Table 2.
PAPER: Final = {
    "paper, MAE ViT-B": {
        "none": (92.97, 92.97), "BadNets-5": (92.64, 92.64), "BadNets-20": (92.61, 92.70), "BadNets-50": (92.70, 90.52),
        "Blend": (91.39, 5.42), "WaNet": (91.82, 87.57), "Nashville": (92.83, 21.37), "ModelLock": (92.12, 15.07),
    },
    "paper, SimCLR ResNet-50": {
        "none": (87.19, 87.19), "BadNets-5": (85.17, 85.17), "BadNets-20": (85.06, 84.71), "BadNets-50": (85.53, 83.07),
        "Blend": (86.45, 7.00), "WaNet": (84.74, 60.94), "Nashville": (86.59, 12.97), "ModelLock": (85.45, 11.26),
    },
}  # fmt: skip
#: Cells that tell how often a training image still shows its patch begin with this.
IN_VIEW: Final = "patch in view"
#: Ours beside it: augmentation in training, and what is looked at in testing.
WAYS: Final = {
    "ours, cropped and erased": ("random-resized-crop-erase", "centre"),
    "ours, not cropped": ("crop-flip", "whole"),
}
_SHORT: Final = {"random-resized-crop-erase": "crop + erase", "crop-flip": "shift + flip", "none": "none"}
_VIEWS: Final = {"whole": "whole", "centre": "centre 7/8"}
_MOVING: Final = ("crop-flip", "random-resized-crop-erase")


def cell_name(lock: str, place: str, augment: str, *, twins: bool = False) -> str:
    """The name of a cell in the result file."""
    return ", ".join(part for part in (lock, place, augment, "raw twins" if twins else "") if part)


@dataclass(frozen=True, kw_only=True)
class PatchWay:
    """A column of the patch table: how the model was trained, and what it looks at in testing."""

    augment: str
    view: str
    twins: bool = False

    @property
    def label(self) -> str:
        return "\n".join(["raw twins"] * self.twins + [_SHORT[self.augment], _VIEWS[self.view]])

    def runs(self, done: Runs, lock: str, place: str) -> Mapping[str, Figures]:
        return done.get(cell_name(lock, place, self.augment, twins=self.twins), {})


_PATCH_WAYS: Final = (
    *(PatchWay(augment=augment, view=view) for augment in reversed(AUGMENTS) for view in _VIEWS),
    PatchWay(augment="crop-flip", view="whole", twins=True),
    PatchWay(augment="random-resized-crop-erase", view="centre", twins=True),
)


def _corner(lock: str) -> str:
    return "bottom-right" if lock in PATCHES else ""


def table5(done: Runs) -> list[str]:
    """Seven locks: UP / LP of the paper's two models and of ours in two ways, and what is left of each lock of ours."""
    rows = [
        f"| lock | {' | '.join([*PAPER, *WAYS])} | hardened LP, not cropped |",
        "|---" * (len(PAPER) + len(WAYS) + 2) + "|",
    ]
    for lock in LOCKS:
        paper = [f"{up:.2f} / {lp:.2f}" for up, lp in (PAPER[model][lock] for model in PAPER)]
        ours = [_pair(done.get(cell_name(lock, _corner(lock), augment), {}), view) for augment, view in WAYS.values()]
        augment, view = WAYS["ours, not cropped"]
        hardened = over_seeds(done.get(cell_name(lock, _corner(lock), augment), {}), f"{view}_hardened_lp")
        rows.append(f"| {lock} | {' | '.join([*paper, *ours, hardened])} |")
    return rows


def patch_table(done: Runs) -> list[str]:
    """BadNets patches: UP / LP by size and place against training augmentation and test view; how often patches are
    still there after the augmentation."""
    heads = [", ".join(way.label.split("\n")) for way in _PATCH_WAYS]
    heads += [f"{IN_VIEW}, {_SHORT[augment]}" for augment in _MOVING]
    rows = [f"| patch | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    for lock, place in _patches():
        cells = [_pair(way.runs(done, lock, place), way.view) for way in _PATCH_WAYS]
        cells += [over_seeds(done.get(f"{IN_VIEW}: {cell_name(lock, place, name)}", {}), "share") for name in _MOVING]
        rows.append(f"| {lock}, {_where(place)} | {' | '.join(cells)} |")
    return rows


def plot(done: Runs, name: str) -> None:
    """Left: UP and LP of every lock, joined by a line: the longer, the better the lock. Right: UP - LP of patches."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(15.5, 5.4), gridspec_kw={"width_ratios": [1, 1.15]})
    _dumbbells(left, done)
    _patch_map(right, done)
    figure.tight_layout()
    figure.savefig(RESULTS / f"{name}.png", dpi=110)
    plt.close(figure)


def _dumbbells(axis: Axes, done: Runs) -> None:
    shifts = dict(zip([*PAPER, *WAYS], (-0.27, -0.09, 0.09, 0.27), strict=True))
    colours = dict(zip(shifts, ("0.55", "0.75", "tab:red", "tab:blue"), strict=True))
    for row, lock in enumerate(LOCKS):
        pairs = {model: PAPER[model][lock] for model in PAPER}
        for way, (augment, view) in WAYS.items():
            runs = done.get(cell_name(lock, _corner(lock), augment), {})
            if runs:
                pairs[way] = (_mean(runs, f"{view}_up"), _mean(runs, f"{view}_lp"))
        for label, (up, lp) in pairs.items():
            height, colour = row + shifts[label], colours[label]
            axis.plot([lp, up], [height, height], color=colour, lw=2)
            axis.plot(up, height, "o", color=colour, ms=6)
            axis.plot(lp, height, "o", color=colour, ms=6, mfc="white")
    axis.set_yticks(range(len(LOCKS)), LOCKS)
    axis.set(xlim=(-2, 102), ylim=(len(LOCKS) - 0.5, -0.5))
    axis.set_xlabel("accuracy, %  (full: UP, with the key; hollow: LP, without it)")
    axis.set_title("Table 5: a long line is a good lock")
    axis.grid(axis="x", alpha=0.3)
    lines = [Line2D([], [], color=colour, lw=2, marker="o", label=label) for label, colour in colours.items()]
    axis.legend(handles=lines, loc="lower center", bbox_to_anchor=(0.45, -0.3), ncol=2, frameon=False)


def _patch_map(axis: Axes, done: Runs) -> None:
    gaps = np.full((len(_patches()), len(_PATCH_WAYS)), np.nan)
    for row, (lock, place) in enumerate(_patches()):
        for column, way in enumerate(_PATCH_WAYS):
            runs = way.runs(done, lock, place)
            if runs:
                gaps[row, column] = _mean(runs, f"{way.view}_up") - _mean(runs, f"{way.view}_lp")
                text = str(round(gaps[row, column]))
                axis.text(column, row, text, ha="center", va="center", color="white" if gaps[row, column] > 45 else "k")
    axis.imshow(gaps, vmin=0, vmax=90, cmap="Blues", aspect="auto")
    axis.set_xticks(range(len(_PATCH_WAYS)), [way.label for way in _PATCH_WAYS], fontsize=8)
    axis.set_yticks(range(len(_patches())), [f"{lock}, {_where(place)}" for lock, place in _patches()])
    axis.set_xlabel("augmentation in training; part of the image seen in testing")
    axis.set_title("Patches: UP - LP in points (0: no lock)")


def _patches() -> list[tuple[str, str]]:
    return [(lock, place) for place in ("bottom-right", "centre") for lock in PATCHES]


def _where(place: str) -> str:
    return "corner" if place == "bottom-right" else place


def _pair(runs: Mapping[str, Figures], view: str) -> str:
    up, lp = over_seeds(runs, f"{view}_up"), over_seeds(runs, f"{view}_lp")
    return f"{up} / {lp}" if up else ""


def _mean(runs: Mapping[str, Figures], figure: str) -> float:
    values: Sequence[float] = [run[figure] for run in runs.values()]
    return float(mean(values))
