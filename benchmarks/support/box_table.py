"""The tables of `real_detection.py`, beside ModelLock's Table 3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from support.cells import Figures, over_seeds

Runs = Mapping[str, Mapping[str, Figures]]
#: ModelLock's Table 3, Mask R-CNN on Cityscapes, style lock: baseline, UP and LP in AP, of boxes and of masks, percent.
PAPER: Final = {
    "ResNet-50": {"": (43.8, 38.8, 0.5), "_mask": (38.6, 33.5, 0.5)},
    "ResNet-101": {"": (43.0, 39.0, 0.7), "_mask": (37.5, 33.6, 0.5)},
}
_COLUMNS: Final = {
    "baseline": "baseline", "up": "UP", "lp": "LP", "lp_suppressed": "suppressed", "lp_same_path": "same path",
    "lp_same_path_suppressed": "same path, suppressed",
}  # fmt: skip
_KEYS: Final = {
    "wrong_key_mean": "wrong keys, mean", "wrong_key_max": "best", "wrong_key_suppressed_max": "best, suppressed",
    "hardened_lp": "hardened LP",
}  # fmt: skip
_ENDS: Final = {"": "AP of boxes", "_50": "AP50 of boxes", "_75": "AP75 of boxes", "_mask": "AP of masks",
                "_mask_50": "AP50 of masks", "_mask_75": "AP75 of masks"}  # fmt: skip


def tables(cells: Runs) -> str:
    """Markdown: for each figure a row a lock; then wrong keys, and how far the aims are met; percent."""
    done = {name: runs for name, runs in cells.items() if runs}
    lines = []
    for end, title in _ENDS.items():
        if not any(f"up{end}" in run for runs in done.values() for run in runs.values()):
            continue
        lines += [f"| {title} | {' | '.join(_COLUMNS.values())} |", "|---" * (len(_COLUMNS) + 1) + "|"]
        for name, runs in done.items():
            lines.append(f"| `{name}` | {' | '.join(over_seeds(runs, f'{one}{end}') for one in _COLUMNS)} |")
        for name, paper in PAPER.items():
            if end in paper:
                shown = " | ".join(f"{value:.1f}" for value in paper[end])
                lines.append(f"| the paper's on Cityscapes, {name} | {shown} |{' |' * (len(_COLUMNS) - 3)}")
        lines.append("")
    lines += [
        f"| AP of boxes | {' | '.join(_KEYS.values())} | UP of the baseline | suppressed of the baseline |",
        "|---" * (len(_KEYS) + 3) + "|",
    ]
    for name, runs in done.items():
        shares = {
            seed: {one: 100 * run[one] / max(run["baseline"], 1e-9) for one in ("up", "lp_suppressed")}
            for seed, run in runs.items()
        }
        columns = [
            *(over_seeds(runs, one) for one in _KEYS),
            *(over_seeds(shares, one) for one in ("up", "lp_suppressed")),
        ]
        lines.append(f"| `{name}` | {' | '.join(columns)} |")
    return "\n".join(lines)
