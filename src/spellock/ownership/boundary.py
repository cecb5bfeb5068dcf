"""Distances from images to a model's decision boundaries: Blind Walk and MinGD (Maini et al., ICLR 2021, section 4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.pixels import from_uint8, to_uint8
from spellock.progress import track
from spellock.tasks.collect import in_evaluation_mode
from spellock.tasks.pixel_model import PixelModel

NORMS: Final = ("linf", "l2", "l1")
#: Uniform half-width, normal and Laplace scales of one step of the Blind Walk; steps of MinGD (authors' code).
WALK: Final = {"linf": 0.005, "l2": 0.005, "l1": 0.01}
DESCENT: Final = {"linf": 0.001, "l2": 0.01, "l1": 1.0}
#: Pixels that a step of MinGD in the L1 norm is shared by.
_TOP: Final = 100

Labels = Callable[[Tensor], NDArray[np.int64]]


def blind_walk(labels: Labels, images: Tensor, *, starts: int, steps: int, seed: int) -> NDArray[np.float64]:
    """Distances (N, 3 starts) walked until the named class changes; columns of Linf first, then L2, then L1.

    A walk goes in one drawn direction: after step t an image is x + t delta, cut off to [0, 1] and rounded as an image
    file would be. One whose class never changes counts as far as it went.

    Args:
        labels: uint8 images (M, 3, H, W) to classes (M,).
        images: uint8 (N, 3, H, W).
    """
    draws = np.random.default_rng([seed, 0x77616C6B])
    pixels, before = from_uint8(images), labels(images)
    columns = []
    walks = [norm for norm in NORMS for _ in range(starts)]
    for norm in track(walks, total=len(walks), label="walks"):
        direction = torch.from_numpy(_direction(norm, tuple(images.shape), draws))
        moved, left = pixels.clone(), np.arange(len(images))
        for step in range(1, steps + 1):
            moved[left] = (pixels[left] + step * direction[left]).clamp(0, 1)
            left = left[labels(to_uint8(moved[left])) == before[left]]
            if not len(left):
                break
        columns.append(lengths(moved - pixels, norm))
    return np.stack(columns, axis=1)


def mingd(model: PixelModel, images: Tensor, *, targets: int, steps: int) -> NDArray[np.float64]:
    """Distances (N, 3 targets) to the ``targets`` next classes by gradient descent; columns as in `blind_walk`.

    Target j is the class that the model holds for the (j + 1)-th most probable. Each step goes down z_max - z_target,
    by the sign (Linf), the normalised gradient (L2) or the signs of its 100 largest entries (L1), cut off to [0, 1].
    """
    pixels = from_uint8(images).to(model.mean.device)
    with in_evaluation_mode(model):
        with torch.no_grad():
            order = model(pixels).argsort(dim=1, descending=True)
        descents = [(norm, rank) for norm in NORMS for rank in range(1, targets + 1)]
        columns = [
            lengths(_descend(model, pixels, order[:, rank], norm, steps) - pixels, norm)
            for norm, rank in track(descents, total=len(descents), label="descents")
        ]
    return np.stack(columns, axis=1)


def lengths(changes: Tensor, norm: str) -> NDArray[np.float64]:
    """Norms (N,) of changes (N, 3, H, W)."""
    flat = changes.flatten(1).double().cpu()
    order = {"linf": float("inf"), "l2": 2.0, "l1": 1.0}[norm]
    found: NDArray[np.float64] = torch.linalg.vector_norm(flat, ord=order, dim=1).numpy()
    return found


def _direction(norm: str, shape: tuple[int, ...], draws: np.random.Generator) -> NDArray[np.float32]:
    scale = WALK[norm]
    noise: NDArray[np.float64] = {
        "linf": lambda: draws.uniform(-scale, scale, shape),
        "l2": lambda: draws.normal(0, scale, shape),
        "l1": lambda: draws.laplace(0, scale, shape),
    }[norm]()
    return noise.astype(np.float32)


def _descend(model: PixelModel, pixels: Tensor, target: Tensor, norm: str, steps: int) -> Tensor:
    moved, left = pixels.clone(), torch.arange(len(pixels), device=pixels.device)
    for _ in range(steps):
        here = moved[left].requires_grad_()
        with torch.enable_grad():
            logits = model(here)
            gap = logits.amax(dim=1) - logits.gather(1, target[left, None])[:, 0]
            (slope,) = torch.autograd.grad(gap.sum(), here)
        far = gap.detach() > 0
        left, slope, here = left[far], slope[far], here.detach()[far]
        if not len(left):
            break
        moved[left] = (here - DESCENT[norm] * _step(slope, norm)).clamp(0, 1)
    return moved


def _step(slope: Tensor, norm: str) -> Tensor:
    if norm == "linf":
        return slope.sign()
    flat = slope.flatten(1)
    if norm == "l2":
        unit: Tensor = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)
        return unit.view_as(slope)
    count = min(_TOP, flat.shape[1])
    places = flat.abs().topk(count, dim=1).indices
    step: Tensor = torch.zeros_like(flat).scatter(1, places, flat.gather(1, places).sign() / count)
    return step.view_as(slope)
