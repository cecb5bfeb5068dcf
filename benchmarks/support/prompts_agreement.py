"""How firm the figures of `prompts.py` are: between the seeds of a prompt, and between two sets."""

from __future__ import annotations

from statistics import mean, stdev
from typing import Final

from scipy.stats import spearmanr

from support.prompts_tables import BASELINE, Runs

_WORDS: Final = {"up": "UP", "lp": "LP", "hardened_lp": "hardened LP"}


def between_seeds(done: Runs) -> str:
    """The standard deviation between the seeds of a prompt, its mean and its highest over the prompts with several."""
    parts = []
    for name, word in _WORDS.items():
        spreads = [
            stdev(run[name] for run in runs.values())
            for cell, runs in done.items()
            if cell != BASELINE and len(runs) > 1
        ]
        if spreads:
            parts.append(f"{word} {mean(spreads):.1f} (at most {max(spreads):.1f})")
    return f"Standard deviation between the seeds of a prompt, in points: {', '.join(parts)}."


def between_sets(one: Runs, other: Runs) -> str:
    """Spearman's rank correlation, over the prompts that both sets were locked with, of the means over seeds."""
    shared = [cell for cell in one if cell in other and cell != BASELINE]
    parts = []
    for name, word in _WORDS.items():
        pairs = [(mean(r[name] for r in one[c].values()), mean(r[name] for r in other[c].values())) for c in shared]
        rho = spearmanr([a for a, _ in pairs], [b for _, b in pairs]).statistic
        parts.append(f"{word} {rho:+.2f}")
    return f"Rank correlation with Imagenette over {len(shared)} prompts: {', '.join(parts)}."
