"""Some images of a batch pass through the model by themselves, as a thief's raw images would.

BatchNorm normalises a batch by its own statistics. In a batch of both kinds raw images look unlike edited ones in mean
and variance, and a lock may rest on that difference alone; a thief who recomputes the statistics on raw images removes
it. A model that has also seen raw images normalised among themselves must find another difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_NORM = nn.modules.batchnorm._BatchNorm
_FEWEST = 2


def has_batch_statistics(model: nn.Module) -> bool:
    """Whether images of one batch influence each other in ``model``."""
    return any(isinstance(module, _NORM) for module in model.modules())


def choose_alone(unauthorised: NDArray[np.bool_], candidates: NDArray[np.bool_], share: float) -> NDArray[np.bool_]:
    """bool (B,): which images of a batch go alone, the first ``candidates`` of it.

    Args:
        unauthorised: bool (B,), the images whose ``share`` is meant.
        candidates: bool (B,), those that may be chosen.
        share: in [0, 1). Fewer than two images never go alone, nor does a whole batch, for one image has no variance.
    """
    places = np.flatnonzero(candidates & unauthorised)[: round(share * int(unauthorised.sum()))]
    chosen = np.zeros(len(unauthorised), dtype=np.bool_)
    if _FEWEST <= len(places) <= len(unauthorised) - _FEWEST:
        chosen[places] = True
    return chosen


@dataclass(frozen=True)
class Passes:
    """What a batch gave that went through a model in one pass or two.

    Attributes:
        parts: float (B - A, ...) of the images that went together and, where there are any, (A, ...) of those alone.
        alone: bool (B,).
    """

    parts: tuple[Tensor, ...]
    alone: NDArray[np.bool_]

    def joined(self) -> Tensor:
        """(B, ...) in the order of the batch."""
        if len(self.parts) == 1:
            return self.parts[0]
        rest, apart = self.parts
        mask = torch.from_numpy(self.alone).to(rest.device)
        whole = rest.new_empty((len(mask), *rest.shape[1:]))
        whole[~mask] = rest
        whole[mask] = apart.to(rest.dtype)
        return whole

    def at(self, rows: NDArray[np.bool_]) -> Tensor:
        """Those of ``rows``, bool (B,), in the order of the batch. Where they come from one pass, nothing that is
        computed of them leads back into the other."""
        for part, own in zip(self.parts, (~self.alone, self.alone), strict=False):
            if len(self.parts) > 1 and not (rows & ~own).any():
                return part[torch.from_numpy(rows[own]).to(part.device)]
        whole = self.joined()
        return whole if rows.all() else whole[torch.from_numpy(rows).to(whole.device)]


def forward_apart(model: nn.Module, pixels: Tensor, alone: NDArray[np.bool_], bare: nn.Module) -> Passes:
    """Logits (B, K) of a batch in two passes: the images that are not ``alone`` through ``model``, the others by
    themselves through ``bare``.

    Running statistics are learnt in the first pass only: customers' images are what they are for.

    Args:
        model: perhaps wrapped for several processes.
        pixels: float (B, 3, H, W).
        alone: bool (B,), True for those that pass by themselves.
        bare: the same model unwrapped, because a wrapper may take only one pass a step.
    """
    if not alone.any():
        return Passes((model(pixels),), alone)
    mask = torch.from_numpy(alone).to(pixels.device)
    rest = model(pixels[~mask])
    with statistics_at_rest(bare):
        return Passes((rest, bare(pixels[mask])), alone)


@contextmanager
def statistics_at_rest(model: nn.Module) -> Iterator[None]:
    """Within the context no running statistics are learnt; batches are normalised by their own as before."""
    layers = [module for module in model.modules() if isinstance(module, _NORM) and module.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True
