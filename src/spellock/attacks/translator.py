"""Translator: a small network learns the edit itself from leaked pairs, and stands in for key and editor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import through
from spellock.attacks.view import AttackerView, floats
from spellock.tasks.own_seed import own_seed


class Net(nn.Module):
    """x + a stack of 3 x 3 convolutions over x and its place, which starts as the identity."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(5, width, 3, padding=1, padding_mode="replicate"), nn.ReLU()]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate"), nn.ReLU()]
        last = nn.Conv2d(width, 3, 3, padding=1, padding_mode="replicate")
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]  # it has one
        self.layers = nn.Sequential(*layers, last)

    def forward(self, images: Tensor) -> Tensor:
        count, _, height, width = images.shape
        rows = torch.linspace(-1, 1, height, device=images.device).view(1, 1, -1, 1).expand(count, 1, height, width)
        columns = torch.linspace(-1, 1, width, device=images.device).view(1, 1, 1, -1).expand(count, 1, height, width)
        changed: Tensor = images + self.layers(torch.cat([images - 0.5, rows, columns], dim=1))
        return changed


@register_attack("translator")
@dataclass(frozen=True, kw_only=True)
class Translator(Attack):
    """T = argmin mean |T(x) - x'|^2 over the pairs; then the stolen model reads T(x).

    Convolutions see where they are, so that a trigger at a fixed place can be learnt too. A second candidate needs no
    learning: x + mean of (x' - x), pixel by pixel, which is what a pattern or one image of noise adds to all images and
    what few convolutions cannot say.

    Attributes:
        width, depth: of the network.
        steps, batch_size, learning_rate: of Adam.
    """

    width: int = 32
    depth: int = 4
    steps: int = 600
    batch_size: int = 16
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        positive(width=self.width, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        positive(depth=self.depth - 1)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.QUERIES, Asset.PAIRS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        raw, edited = held(view.edited_raw), held(view.edited)
        with own_seed(view.seed):
            net = Net(self.width, self.depth)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            return F.mse_loss(net(floats(raw[chosen])), floats(edited[chosen]))

        fit_for(
            view,
            net,
            net.parameters(),
            loss,
            images=len(raw),
            plan=Plan(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate),
            work=work,
            name="translator",
            label=f"translator on {len(raw)} pairs",
        )
        net.eval()
        change = (floats(edited) - floats(raw)).mean(0)
        return [
            through(view, net, side=raw.shape[-1], name="network"),
            through(view, lambda images: images + change, side=raw.shape[-1], name="mean change"),
        ]
