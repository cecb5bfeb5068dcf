"""The table of `secret_ways.py`, and the distance between two edits that it gives."""

from __future__ import annotations

import numpy as np

from support.cells import Figures, over_seeds
from support.secret_ways import WAYS

HEAD = (
    "way", "key trained in, CPU s", "edits a CPU s", "baseline", "UP", "LP", "hardened LP", "other secrets",
    "their edit, dB from the right one", "right prompt, other secret: mean", "highest",
    "right secret, other prompt: mean", "highest",
)  # fmt: skip


def decibels(first: np.ndarray, second: np.ndarray) -> float:
    """Peak signal to noise ratio of two edits, uint8; 99 where they are equal."""
    error = float(np.square((first.astype(float) - second) / 255).mean())
    return 99.0 if error == 0 else -10 * float(np.log10(error))


def table(cells: dict[str, dict[str, Figures]]) -> str:
    """Markdown: a row a way; in brackets with the lock class dropped."""
    rows = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"]
    for way in WAYS:
        locked, wrong = cells.get(f"{way}: lock", {}), cells.get(f"{way}: wrong keys", {})
        if not locked:
            continue
        row = [over_seeds(wrong, "key_seconds", digits=0), over_seeds(wrong, "edits_per_second", digits=0)]
        row += [over_seeds(locked, name) for name in ("baseline", "up", "lp", "hardened_lp")]
        row += [over_seeds(wrong, "secret_count", digits=0), over_seeds(wrong, "secret_db")]
        for kind in ("secret", "prompt"):
            for name in ("mean", "highest"):
                plain, dropped = over_seeds(wrong, f"{kind}_{name}"), over_seeds(wrong, f"{kind}_suppressed_{name}")
                row.append(f"{plain} ({dropped})" if plain else "")
        rows.append(f"| {way} | {' | '.join(row)} |")
    return "\n".join(rows)
