"""Parameter groups: learning rates that fall with depth, and no weight decay on norms, biases and tokens."""

from __future__ import annotations

import re
from typing import Literal

import torch
from torch import nn

from spellock.errors import ConfigError

# Containers that hold a network's blocks one level deeper, as the stages of a Swin transformer do.
_NESTED = frozenset({"blocks", "layers", "layer", "stages"})


def block_of(name: str) -> str | None:
    """The numbered block that a parameter belongs to: ``layer1.0`` for ``layer1.0.conv1.weight``, ``layers.2.blocks.5``
    for ``layers.2.blocks.5.norm1.bias``; None for one outside any block, such as ``conv1.weight`` or ``head.bias``."""
    parts = name.split(".")
    end = next((i + 1 for i, part in enumerate(parts) if part.isdecimal()), None)
    if end is None:
        return None
    while end + 1 < len(parts) and parts[end] in _NESTED and parts[end + 1].isdecimal():
        end += 2
    return ".".join(parts[:end])


def layer_ids(network: nn.Module) -> dict[str, int]:
    """Depth of every parameter: 0 for what comes before the first numbered block, then one number a block in the order
    of registration, then one for all that comes after the last block (final norm, classifier).

    This is timm's ordering for its own models and needs nothing of a network but parts registered in order.
    """
    ids: dict[str, int] = {}
    blocks: dict[str, int] = {}
    names = [name for name, _ in network.named_parameters()]
    inside = [name for name in names if block_of(name) is not None]
    last = names.index(inside[-1]) if inside else -1
    for position, name in enumerate(names):
        block = block_of(name)
        if block is not None:
            ids[name] = blocks.setdefault(block, len(blocks) + 1)
        else:
            ids[name] = -1 if position > last else len(blocks)
    return {name: len(blocks) + 1 if depth == -1 else depth for name, depth in ids.items()}


def parameter_groups(network: nn.Module, *, weight_decay: float, layer_decay: float) -> list[dict[str, object]]:
    """Groups for a torch optimiser, each with ``params``, ``weight_decay`` and ``lr_scale``, the group's part of the
    learning rate: 1 at the classifier, ``layer_decay`` times less a layer downwards.

    Raises:
        ConfigError: no parameter can be trained.
    """
    ids = layer_ids(network)
    listed = getattr(network, "no_weight_decay", None)
    spared = set(listed()) if callable(listed) else set()
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            decay = 0.0 if parameter.ndim <= 1 or name in spared or re.search(r"(^|\.)bias$", name) else weight_decay
            scale = layer_decay ** (max(ids.values()) - ids[name])
            groups.setdefault((scale, decay), []).append(parameter)
    if not groups:
        raise ConfigError(
            "the model has no parameter with requires_grad, expected some to train; unfreeze a part of it"
        )
    return [{"params": members, "weight_decay": decay, "lr_scale": scale} for (scale, decay), members in groups.items()]


def make_optimiser(
    network: nn.Module, *, name: Literal["adamw", "sgd"], learning_rate: float, weight_decay: float, layer_decay: float
) -> torch.optim.Optimizer:
    """AdamW, or SGD with Nesterov momentum 0.9, over `parameter_groups`."""
    groups = parameter_groups(network, weight_decay=weight_decay, layer_decay=layer_decay)
    if name == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=0.9, nesterov=True)
    return torch.optim.AdamW(groups, lr=learning_rate)


def set_learning_rate(optimiser: torch.optim.Optimizer, learning_rate: float) -> None:
    """Give each group its part of ``learning_rate``."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate * group["lr_scale"]
