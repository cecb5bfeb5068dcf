"""Time of training steps: the whole model, and confined to a key, in turns."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import torch
from torch import nn

from spellock.weightlocks.confine import confine
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.presets import PRESETS
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlock_module

_SECRET = bytes(range(32))


def step_networks() -> dict[str, Callable[[], nn.Module]]:
    """The networks whose steps are timed."""
    from timm.models.vision_transformer import VisionTransformer

    from spellock.tasks.networks.cifar_resnet import CifarResNet

    return {
        "resnet20": lambda: CifarResNet(depth=20, num_classes=10),
        "vit": lambda: VisionTransformer(img_size=32, patch_size=4, embed_dim=64, depth=4, num_heads=4, num_classes=10),
    }


def steps(count: int) -> dict[str, Any]:
    """Seconds a training step of batch 128 at 32 px, confined and plain, in turns step by step."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {}
    images, labels = torch.randn(128, 3, 32, 32), torch.randint(10, (128,))
    for name, make in step_networks().items():
        for preset in ("default", "delta", "adaloc"):
            with _step(make, None, images, labels) as plain, _step(make, preset, images, labels) as confined:
                times: dict[str, list[float]] = {"plain": [], "confined": []}
                for number in range(count + 2):
                    for way, step in (("plain", plain), ("confined", confined))[:: 1 if number % 2 else -1]:
                        started = time.process_time()
                        step()
                        if number > 1:
                            times[way].append(time.process_time() - started)
            ratios = [a / b for a, b in zip(times["confined"], times["plain"], strict=True)]
            found[f"{name}, {preset}"] = {
                "plain_seconds": round(median(times["plain"]), 4),
                "confined_seconds": round(median(times["confined"]), 4),
                "ratio": round(median(ratios), 4),
            }
            print(f"{name}, {preset}", found[f"{name}, {preset}"], flush=True)
    return found


@contextmanager
def _step(
    make: Callable[[], nn.Module], preset: str | None, images: torch.Tensor, labels: torch.Tensor
) -> Iterator[Callable[[], None]]:
    model = make()
    key = None
    if preset is not None:
        public = ModuleState(copy.deepcopy(model)) if PRESETS[preset].fill == "public" else None
        key = lock_module(model, PRESETS[preset], secret=_SECRET, public=public)
        unlock_module(model, key)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    confinement = None if key is None else confine(optimizer, key, model)

    def step() -> None:
        model.train()
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    yield step
    if confinement is not None:
        confinement.close()
