"""Seeds for the many small draws of a run, each from the one seed and its purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A seed in [0, 2^63) for one purpose, for example ``derive_seed(0, "order", epoch)``.

    Every epoch has seeds of its own, so a resumed run draws what the uninterrupted one would have drawn.
    """
    text = "/".join(str(part) for part in (seed, *purpose))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """NumPy generator for one purpose."""
    return np.random.default_rng(derive_seed(seed, *purpose))


def torch_generator(seed: int, *purpose: str | int) -> torch.Generator:
    """CPU generator of torch for one purpose; the global one stays untouched."""
    return torch.Generator().manual_seed(derive_seed(seed, *purpose))


@contextmanager
def own_randomness(seed: int) -> Iterator[None]:
    """Dropout draws from torch's global state: lend it a seed meanwhile; and ask cuDNN for repeatable sums."""
    deterministic = torch.backends.cudnn.deterministic
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        torch.backends.cudnn.deterministic = True
        try:
            yield
        finally:
            torch.backends.cudnn.deterministic = deterministic
