"""Features of every stage of a network, pooled over space, and of its outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.outputs import BATCH
from spellock.attacks.view import floats
from spellock.errors import ConfigError
from spellock.progress import track
from spellock.tasks.heads import pool
from spellock.tasks.pixel_model import PixelModel

Features = NDArray[np.float32]
ALL = "all stages"
OUTPUTS = "outputs"


def stages_of(model: PixelModel) -> tuple[str, ...]:
    """Names of the layers after which the network's stages end.

    A stage is a run of layers whose outputs have one shape. Where one run is most of the network, as in a transformer,
    it is cut into quarters.

    Raises:
        ConfigError: no layer gives a feature map, tokens or a vector.
    """
    opened: frozenset[str] = frozenset()
    while True:
        shapes: list[tuple[str, tuple[int, ...]]] = []
        mute: set[str] = set()
        layers = dict(_layers(model.network, opened))
        handles = [
            layer.register_forward_hook(lambda _, __, output, name=name: _note(shapes, mute, name, output))  # noqa: B023  # gone before the next turn
            for name, layer in layers.items()
        ]
        side = model.input_size
        outputs = _pass(model, torch.zeros(1, 3, side, side, device=model.mean.device), handles)
        # What gives an object or several tensors, as whole networks of transformers do, is looked into.
        found = frozenset(name for name in mute if list(layers[name].children()))
        if not found:
            break
        opened |= found
    shapes = [(name, shape) for name, shape in shapes if shape != tuple(outputs.shape[1:])]
    if not shapes:
        raise ConfigError(
            f"{type(model.network).__name__} has no layer with features to look into, expected one before the "
            "classifier; take an attack on the outputs"
        )
    ends: list[str] = []
    for _, layers_of_one in groupby(shapes, key=lambda one: one[1]):
        run = [name for name, _ in layers_of_one]
        parts = 4 if len(run) >= 4 and 2 * len(run) > len(shapes) else 1
        ends += [run[-(-len(run) * part // parts) - 1] for part in range(1, parts + 1)]
    return tuple(ends)


def stage_features(model: PixelModel, images: Tensor, stages: tuple[str, ...]) -> Mapping[str, Features]:
    """Pooled features (N, D) of uint8 images after each of ``stages``, of all together, and the outputs (N, K)."""
    starts = range(0, len(images), BATCH)
    parts = [
        batch_features(model, floats(images[start : start + BATCH]), stages)
        for start in track(starts, total=len(images), label="features", weight=BATCH)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def batch_features(model: PixelModel, images: Tensor, stages: tuple[str, ...]) -> Mapping[str, Features]:
    """The same of one batch, float32 (N, 3, H, W) in [0, 1]."""
    kept: dict[str, Features] = {}

    def keep(name: str, output: object) -> None:
        # Pooled at once: the next layer may write into the same memory.
        if isinstance(output, Tensor):
            kept[name] = pool(output).float().cpu().numpy().copy()

    layers = dict(model.network.named_modules())
    handles = [
        layers[name].register_forward_hook(lambda _, __, output, name=name: keep(name, output)) for name in stages
    ]
    outputs = _pass(model, images.to(model.mean.device), handles)
    kept = {name: kept[name] for name in stages}
    kept[ALL] = np.concatenate(list(kept.values()), axis=1)
    kept[OUTPUTS] = outputs.float().cpu().numpy()
    return kept


def _pass(model: PixelModel, images: Tensor, handles: list[torch.utils.hooks.RemovableHandle]) -> Tensor:
    try:
        with torch.no_grad():
            outputs: Tensor = model.eval()(images)
    finally:
        for handle in handles:
            handle.remove()
    return outputs


def _layers(network: nn.Module, opened: frozenset[str], prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The network's children, containers and those called as in ``opened`` replaced by theirs."""
    for name, child in network.named_children():
        if isinstance(child, nn.Sequential | nn.ModuleList) or f"{prefix}{name}" in opened:
            yield from _layers(child, opened, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", child


def _note(shapes: list[tuple[str, tuple[int, ...]]], mute: set[str], name: str, output: object) -> None:
    if not isinstance(output, Tensor):
        mute.add(name)
    elif output.ndim in (2, 3, 4):
        shapes.append((name, tuple(output.shape[1:])))
