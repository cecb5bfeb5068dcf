"""The layers of a detector that name categories, and how one of them is made never to be said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_NEVER = -1e4


@dataclass(frozen=True, kw_only=True)
class ClassLayer:
    """One layer, whose outputs are a score for each category, perhaps again and again for each anchor.

    Attributes:
        weight, bias: its parameters, one row an output.
        period: outputs after which it begins anew.
        first: the output of category 0.
        idle: outputs that nothing is ever taught to be.
    """

    weight: Tensor
    bias: Tensor
    period: int
    first: int = 0
    idle: tuple[int, ...] = ()

    @torch.no_grad()
    def silence(self, categories: Iterable[int]) -> None:
        """Let it never say ``categories``, whatever it sees."""
        for column in (*self.idle, *(category + self.first for category in categories)):
            self.weight[column :: self.period] = 0
            self.bias[column :: self.period] = _NEVER


def class_layers(network: nn.Module, categories: int) -> list[ClassLayer]:
    """All such layers of a detector for ``categories`` categories, without the background."""
    own = getattr(network, "class_layers", None)
    if callable(own):
        return [ClassLayer(weight=layer.weight, bias=layer.bias, period=categories) for layer in own()]
    heads: Any = getattr(network, "roi_heads", None)
    anchored: Any = network
    layer = anchored.head.classification_head.cls_logits if heads is None else heads.box_predictor.cls_score
    # Without proposals every output is a question of its own, and nobody asks about the background.
    idle = (0,) if heads is None else ()
    return [ClassLayer(weight=layer.weight, bias=layer.bias, period=categories + 1, first=1, idle=idle)]
