"""Adapting the stolen model to raw images without labels: what its methods share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import asked, places_of_classes, with_raw_statistics
from spellock.attacks.view import AttackerView, floats
from spellock.tasks.pixel_model import PixelModel


def entropy(probabilities: Tensor) -> Tensor:
    """-sum p log p along the last axis, in nats."""
    return -(probabilities * probabilities.clamp_min(1e-12).log()).sum(-1)


@dataclass(frozen=True, kw_only=True)
class Adaptation(Attack):
    """Base: gradient steps on the real outputs of raw images, then BatchNorm statistics recomputed on them.

    Attributes:
        epochs: passes over the raw images.
        batch_size: raw images a step.
        learning_rate: of the optimiser.
    """

    epochs: int = 1
    batch_size: int = 64
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        positive(epochs=self.epochs, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED})

    @abstractmethod
    def choose(self, model: PixelModel) -> Iterable[nn.Parameter]:
        """Set the modes of the layers, and give the parameters to train."""

    @abstractmethod
    def objective(self, probabilities: Tensor) -> Tensor:
        """What is made small, for probabilities (B, R) of the real classes."""

    @abstractmethod
    def plan(self, steps: int) -> Plan:
        """How to train for ``steps``."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        model, images = view.stolen, view.unlabelled
        device = model.mean.device
        places = torch.from_numpy(places_of_classes(view, model, images))
        real = places.to(device)
        parameters = list(self.choose(model))
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for parameter in parameters:
            parameter.requires_grad_(True)

        def loss(chosen: np.ndarray, draws: np.random.Generator) -> Tensor:
            logits = model(floats(images[torch.from_numpy(chosen)].to(device)))[:, real]
            return self.objective(logits.softmax(dim=1))

        wanted = self.epochs * -(-len(images) // min(self.batch_size, len(images)))
        steps = fit_for(
            view,
            model,
            parameters,
            loss,
            images=len(images),
            plan=self.plan(wanted),
            work=work,
            name="adapted",
            label="adapting",
        )
        adapted = with_raw_statistics(model.eval(), images, seed=view.seed)

        def predict(raw: Tensor) -> Tensor:
            return asked(adapted, raw)[:, places]

        return [Stolen(predict=predict, found={"steps": steps})]
