"""Disguise (the form of JailNTL, CVPR 2025): raw images learn to look like leaked edited ones, without pairs."""

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
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.guidance import doubt, frozen, locked_part, through_network
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import outputs_of, real_places
from spellock.attacks.registry import register_attack
from spellock.attacks.translated import squashed, through
from spellock.attacks.translator import Net
from spellock.attacks.view import AttackerView, floats
from spellock.tasks.own_seed import own_seed


class _Judge(nn.Module):
    """Scores (N, 1, h, w) of patches: edited or not. With spectral norms, so that it does not run away."""

    def __init__(self, width: int) -> None:
        super().__init__()
        norm = nn.utils.parametrizations.spectral_norm
        self.layers = nn.Sequential(
            norm(nn.Conv2d(3, width, 3, stride=2, padding=1)), nn.LeakyReLU(0.2),
            norm(nn.Conv2d(width, 2 * width, 3, padding=1)), nn.LeakyReLU(0.2),
            norm(nn.Conv2d(2 * width, 1, 3, padding=1)),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.layers(images - 0.5)
        return scores


@register_attack("disguise")
@dataclass(frozen=True, kw_only=True)
class Disguise(Attack):
    """T plays against a judge of patches that tells T(x) from leaked edited images; the model guides it.

    Small for T: the judge's loss with changed sides; ``guidance`` times what unlocks, the lock class's part, doubt and
    imbalance of the answers (the paper's two terms, with gradients in the place of finite differences); ``content``
    times |T(x) - x|, since without pairs nothing else keeps the picture.

    Attributes:
        width, depth: of T.
        steps, batch_size, learning_rate: of Adam, a step for either side in turn.
        guidance, content: weights.
    """

    width: int = 16
    depth: int = 4
    steps: int = 600
    batch_size: int = 32
    learning_rate: float = 1e-3
    guidance: float = 1.0
    content: float = 1.0

    def __post_init__(self) -> None:
        positive(width=self.width, steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        positive(depth=self.depth - 1, guidance=self.guidance + 1, content=self.content + 1)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.EDITED})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        model, edited = frozen(view.stolen), floats(held(view.edited))
        side, device = edited.shape[-1], model.mean.device
        raw = squashed(floats(view.unlabelled), side)
        seen = outputs_of(model, view.unlabelled, label="raw images")
        real = torch.from_numpy(real_places(seen.shape[1], view, seen)).to(device)
        with own_seed(view.seed):
            change, judge = Net(self.width, self.depth), _Judge(self.width)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            before = raw[torch.from_numpy(batch)]
            shown = edited[torch.from_numpy(draws.integers(len(edited), size=len(batch)))]
            # Both sides in one step: each sees the other's output, but not its gradient.
            after = change(before).clamp(0, 1)
            told = F.relu(1 - judge(shown)).mean() + F.relu(1 + judge(after.detach())).mean()
            still = {name: value.detach() for name, value in judge.named_parameters()}
            fooled: Tensor = -torch.func.functional_call(judge, still, (after,)).mean()
            logits = through_network(model, after)
            guide = (locked_part(logits, real) + doubt(logits, real)).cpu()
            cost: Tensor = told + fooled + self.guidance * guide + self.content * (after - before).abs().mean()
            return cost

        both = nn.ModuleList([change, judge])
        fit(
            both,
            both.parameters(),
            loss,
            images=len(raw),
            plan=Plan(
                steps=view.budget.at_most("steps", self.steps),
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            ),
            seed=view.seed,
            clock=view.clock,
            checkpoint=None if work is None else work / "disguise.safetensors",
            label=f"disguise after {len(edited)} edited images",
        )
        return [through(view, change.eval(), side=side)]
