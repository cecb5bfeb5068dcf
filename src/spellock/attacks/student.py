"""A copy of a model in the making: it learns class probabilities of the thief's raw images from answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.budget import Clock
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.mirroring import flips, half_mirrored
from spellock.attacks.outputs import outputs_of
from spellock.attacks.view import AttackerView, floats
from spellock.tasks.pixel_model import PixelModel

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """The copy in the making.

    Attributes:
        view: what the thief holds.
        model: learns in place.
        real: places of the real classes in its outputs.
        batch_size, learning_rate, flip: see `spellock.attacks.extraction.Extraction`.
        work: where a stopped training goes on from; None for nowhere.
    """

    view: AttackerView
    model: PixelModel
    real: Tensor
    batch_size: int
    learning_rate: float
    flip: str
    work: Path | None

    def train(
        self, places: Places, answers: NDArray[np.float32], *, steps: int, name: str, clock: Clock | None = None
    ) -> None:
        """Cross-entropy with ``answers`` (M, classes) of the unlabelled images at ``places`` (M,), for as long as
        ``clock`` allows; None: until the attack's time is over."""
        images, targets = self.view.unlabelled[torch.from_numpy(places)], torch.from_numpy(answers)
        device = self.model.mean.device
        real, mirrors = self.real.to(device), flips(self.flip, self.view)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            pixels = floats(images[chosen].to(device))
            if mirrors:
                pixels = half_mirrored(pixels, draws)
            told = self.model(pixels)[:, real].log_softmax(1)
            cost: Tensor = -(targets[chosen].to(device) * told).sum(1).mean()
            return cost

        self.model.train()
        fit(
            self.model,
            self.model.parameters(),
            loss,
            images=len(places),
            plan=Plan(
                steps=self.view.budget.at_most("steps", steps),
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                optimizer="sgd",
                weight_decay=5e-4,
            ),
            seed=self.view.seed,
            clock=clock or self.view.clock,
            checkpoint=None if self.work is None else self.work / f"{name}.safetensors",
            label=f"copying, {len(places)} answers",
        )
        self.model.eval()

    def probabilities(self) -> NDArray[np.float32]:
        """What the student says of all unlabelled images, (N, classes)."""
        logits = outputs_of(self.model, self.view.unlabelled, label="the student")[:, self.real.numpy()]
        told: NDArray[np.float32] = torch.from_numpy(logits).softmax(1).numpy()
        return told
