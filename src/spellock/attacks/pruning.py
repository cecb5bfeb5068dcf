"""Pruning, then fine-tuning on labelled raw images: where a lock lives in weights that hardly matter, it goes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.labelled_training import Prepare
from spellock.attacks.registry import register_attack
from spellock.attacks.retraining import Retraining
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel

Masks = Mapping[str, Tensor]


@register_attack("pruning")
@dataclass(frozen=True, kw_only=True)
class Pruning(Retraining):
    """Zero the ``share`` of all weights that are smallest in the whole network, then train as `finetune` does.

    Weights are those of matrices, convolutions and embeddings; gains and biases stay. What is zero stays zero. Every
    start is pruned by its own magnitudes.

    Attributes:
        share: of the weights, above 0 and below 1.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "30 %": MappingProxyType({"share": 0.3}), "90 %": MappingProxyType({"share": 0.9})}
    )
    run_name: ClassVar[str] = "pruned"
    share: float = 0.6

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share < 1:
            raise ConfigError(f"option share is {self.share}, expected a share of the weights above 0 and below 1")

    def change(
        self, model: PixelModel, real: NDArray[np.int64], view: AttackerView
    ) -> tuple[NDArray[np.int64], Prepare]:
        """See `Retraining.change`."""
        masks = kept(model.network, self.share)
        clear(model.network, masks)

        def prepared(model: PixelModel) -> tuple[nn.Module, Iterable[nn.Parameter]]:
            network = model.train().network

            def again(_: nn.Module, __: tuple[Any, ...]) -> None:
                clear(network, masks)

            network.register_forward_pre_hook(again)  # after each step, and when the copy is used in the end
            return model, model.parameters()

        return real, prepared


def kept(network: nn.Module, share: float) -> Masks:
    """Which weights are not among the ``share`` smallest of all tensors with two axes or more: bool, by name.

    Raises:
        ConfigError: the network has no such tensor.
    """
    weights = {name: tensor.detach() for name, tensor in network.named_parameters() if tensor.ndim > 1}
    if not weights:
        raise ConfigError("the network has no weight matrix to prune, expected convolutions or linear layers")
    sizes = torch.cat([tensor.abs().flatten().float() for tensor in weights.values()])
    order = sizes.argsort(stable=True)
    stays = torch.ones_like(sizes, dtype=torch.bool)
    stays[order[: round(share * len(sizes))]] = False
    parts = stays.split([tensor.numel() for tensor in weights.values()])
    return {name: part.view_as(weights[name]) for name, part in zip(weights, parts, strict=True)}


def clear(network: nn.Module, masks: Masks) -> None:
    """Put zeros where ``masks`` say so."""
    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for name, mask in masks.items():
            parameters[name].mul_(mask)
