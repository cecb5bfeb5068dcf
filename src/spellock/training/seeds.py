"""Seeds for the many small draws of a run, each from the one seed and its purpose."""

from __future__ import annotations

import hashlib

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
