"""Find, replace and listen to the classifier layer of any network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from spellock.errors import ModelError

Head = nn.Linear | nn.Conv2d


def find_head(network: nn.Module) -> tuple[str, Head]:
    """Name and module of the layer that makes the logits: timm's own record of it, else the last linear layer, else the
    last convolution.

    Raises:
        ModelError: the network has no such layer.
    """
    config = getattr(network, "pretrained_cfg", None)
    named = config.get("classifier") if isinstance(config, dict) else None
    if isinstance(named, str):
        module = dict(network.named_modules()).get(named)
        if isinstance(module, Head):
            return named, module
    for kind in (nn.Linear, nn.Conv2d):
        found = [(name, module) for name, module in network.named_modules() if isinstance(module, kind)]
        if found:
            return found[-1]
    raise ModelError(
        f"{type(network).__name__} has no linear or convolutional layer to take for its classifier; "
        "give it one as its last layer"
    )


def head_width(network: nn.Module) -> int:
    """Number of classes that the classifier layer tells apart."""
    _, head = find_head(network)
    return head.out_features if isinstance(head, nn.Linear) else head.out_channels


def keep_classes(network: nn.Module, places: Sequence[int]) -> None:
    """Leave of the classifier the outputs at ``places``, in that order.

    Raises:
        ModelError: the classifier is the network itself.
    """
    _, old = find_head(network)
    weight, bias = old.weight.detach().clone(), None if old.bias is None else old.bias.detach().clone()
    with torch.random.fork_rng(devices=[]):
        replace_head(network, len(places))
    _, new = find_head(network)
    chosen = torch.tensor(places, device=weight.device)
    new.weight.data.copy_(weight[chosen])
    if bias is not None and new.bias is not None:
        new.bias.data.copy_(bias[chosen])


def replace_head(network: nn.Module, num_classes: int) -> None:
    """Put a freshly initialised classifier of ``num_classes`` in the place of the old one; draws from torch's RNG.

    Raises:
        ModelError: the classifier is the network itself.
    """
    name, old = find_head(network)
    if not name:
        raise ModelError(f"a bare {type(network).__name__} cannot change its classes; put it into an nn.Sequential")
    new: nn.Module
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, num_classes, bias=old.bias is not None)
    else:
        new = nn.Conv2d(old.in_channels, num_classes, 1, bias=old.bias is not None)
    parent, _, child = name.rpartition(".")
    network.get_submodule(parent).register_module(child, new.to(old.weight.device, old.weight.dtype))


def pool(features: Tensor) -> Tensor:
    """A feature map (N, D, H, W) or tokens (N, T, D) averaged to (N, D); vectors stay as they are."""
    if features.ndim == 4:
        return features.mean((2, 3))
    return features.mean(1) if features.ndim == 3 else features


def penultimate(network: nn.Module, inputs: Tensor) -> Tensor:
    """Pooled features (N, D) that the classifier layer sees, by timm's methods where they exist, else by a hook.

    Raises:
        ModelError: the forward pass goes around the layer taken for the classifier.
    """
    features = getattr(network, "forward_features", None)
    to_head = getattr(network, "forward_head", None)
    if callable(features) and callable(to_head):
        pooled: Tensor = to_head(features(inputs), pre_logits=True)
        return pool(pooled)
    name, head = find_head(network)
    seen: list[Tensor] = []

    def keep(_: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        seen.append(arguments[0])

    handle = head.register_forward_pre_hook(keep)
    try:
        network(inputs)
    finally:
        handle.remove()
    if not seen or not isinstance(seen[-1], torch.Tensor):
        raise ModelError(
            f"the forward pass of {type(network).__name__} does not use its layer {name!r}, expected the "
            "classifier to come last; give the network forward_features and forward_head methods"
        )
    return pool(seen[-1])
