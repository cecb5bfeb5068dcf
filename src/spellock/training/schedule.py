"""The learning rate of each step: linear warm-up, then a cosine down to zero (Loshchilov and Hutter 2017)."""

from __future__ import annotations

import math


def learning_rate_at(step: int, *, total: int, warmup: int, peak: float) -> float:
    """Learning rate of ``step`` (from 0) of ``total`` steps.

    Args:
        warmup: steps of the rise; step ``warmup`` is the first at the peak.
        peak: the largest value.

    A pure function of the step, so nothing has to be saved for a resumed run.
    """
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(total - warmup, 1)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
