"""Attacks that train what comes before the model, a change of the images, and leave the model as it is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.guidance import doubt, frozen, locked_part, through_network
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.translated import squashed, through
from spellock.attacks.view import AttackerView, floats
from spellock.hidden import Scalar
from spellock.tasks.own_seed import own_seed


@dataclass(frozen=True, kw_only=True)
class InputSide(Attack):
    """Base: gradient steps on a change T of raw images, the model held fixed with its locked statistics.

    Without labels, small are: the lock class's part, -log of the real classes' probability; the entropy of the answer
    among the real classes; and minus the entropy of the mean answer, so that not all images go to one class. With
    labels the cross-entropy among the real classes takes the place of the two entropies.

    Attributes:
        objective: ``unlabelled`` or ``labels``.
        steps, batch_size, learning_rate: of Adam.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {"": MappingProxyType({}), "labels": MappingProxyType({"objective": "labels"})}
    )
    objective: str = "unlabelled"
    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.02

    def __post_init__(self) -> None:
        one_of("objective", self.objective, ("unlabelled", "labels"))
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        extra = {Asset.LABELS} if self.objective == "labels" else set()
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED} | extra)

    @abstractmethod
    def change(self, side: int) -> nn.Module:
        """T for images (N, 3, side, side), near the identity."""

    @abstractmethod
    def penalty(self, change: nn.Module, before: Tensor, after: Tensor) -> Tensor:
        """What T costs that sends the images ``before`` to ``after``: what unlocks shall leave the content alone."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        model, side = frozen(view.stolen), view.stolen.input_size
        device = model.mean.device
        real = torch.from_numpy(places_of_classes(view, model, view.unlabelled)).to(device)
        pool = held(view.labelled) if self.objective == "labels" else view.unlabelled
        images = squashed(floats(pool), side)
        targets = None if self.objective != "labels" or view.labels is None else torch.from_numpy(view.labels)
        with own_seed(view.seed):
            change = self.change(side)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            before = images[chosen]
            after = change(before).clamp(0, 1)
            logits = through_network(model, after)
            cost = locked_part(logits, real) + self.penalty(change, before, after).to(device)
            if targets is not None:
                return cost + F.cross_entropy(logits[:, real], targets[chosen].to(device))
            return cost + doubt(logits, real)

        fit_for(
            view,
            change,
            change.parameters(),
            loss,
            images=len(images),
            plan=Plan(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate),
            work=work,
            name="change",
            label="changing the images",
        )
        return [through(view, change.eval(), side=side)]
