"""Pruning, then fine-tuning on labelled raw images: where a lock lives in weights that hardly matter, it goes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, positive
from spellock.attacks.labelled_training import LabelledTraining
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes, with_raw_statistics
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.pixel_model import PixelModel

Masks = Mapping[str, Tensor]


@register_attack("pruning")
@dataclass(frozen=True, kw_only=True)
class Pruning(Attack):
    """Zero the ``share`` of all weights that are smallest in the whole network, then train as `finetune` does.

    Weights are those of matrices, convolutions and embeddings; gains and biases stay. What is zero stays zero. Every
    start is pruned by its own magnitudes.

    Attributes:
        share: of the weights, above 0 and below 1.
        steps, batch_size, flip: see `finetune`.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "30 %": MappingProxyType({"share": 0.3}), "90 %": MappingProxyType({"share": 0.9})}
    )
    share: float = 0.6
    steps: int = 300
    batch_size: int = 64
    flip: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigError(f"option share is {self.share}, expected a share of the weights above 0 and below 1")
        positive(steps=self.steps, batch_size=self.batch_size)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        start = view.stolen
        real = places_of_classes(view, start, view.unlabelled)
        masks = kept(start.network, self.share)
        clear(start.network, masks)
        start = with_raw_statistics(start, view.unlabelled, seed=view.seed)

        def prepared(model: PixelModel) -> tuple[nn.Module, Iterable[nn.Parameter]]:
            network = model.train().network

            def again(_: nn.Module, __: tuple[Any, ...]) -> None:
                clear(network, masks)

            network.register_forward_pre_hook(again)  # after each step, and when the copy is used in the end
            return model, model.parameters()

        training = LabelledTraining(
            prepare=prepared, steps=self.steps, batch_size=self.batch_size, flip=self.flip, name="pruned"
        )
        return training(view, start, real, work)


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
