"""Draws from torch's global generators that leave them as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_seed(seed: int) -> Iterator[None]:
    """Inside the block torch's global generators begin at ``seed``; after it they go on as if nothing had been drawn.

    Those of GPUs as well: `torch.manual_seed` seeds them all, also for later where no GPU was used yet. So GPUs that
    are in use are put back, and others are not touched.
    """
    gpus = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices=gpus):
        torch.default_generator.manual_seed(seed)
        if gpus:
            torch.cuda.manual_seed_all(seed)
        yield
