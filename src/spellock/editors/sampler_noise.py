"""Where the sampler's noise comes from: the key, drawn on the CPU in float32."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from spellock.key import Key


def noise_generators(key: Key, ids: Sequence[str], *, rule: str, seed: int | None) -> list[torch.Generator]:
    """One CPU generator per image, in the state before the first draw.

    Args:
        key: the secret that seeds come from.
        ids: names of the images.
        rule: ``shared``: every image gets the same noise; ``per-image``: noise from the secret and the image's name.
        seed: with ``shared``, the seed itself (the paper's code uses 1024); None takes it from the secret.
    """
    if rule == "per-image":
        seeds = [_seed(key, f"noise of image {name}") for name in ids]
    else:
        seeds = [_seed(key, "noise seed") if seed is None else seed] * len(ids)
    return [torch.Generator("cpu").manual_seed(each) for each in seeds]


def _seed(key: Key, purpose: str) -> int:
    return int.from_bytes(key.derive(purpose, 8), "big") >> 1  # manual_seed takes 63 bits without a sign
