"""Extraction: train a copy on what an unlocked model answers. What its methods share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, positive
from spellock.attacks.customer import Customer
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import outputs_of, real_places, with_raw_statistics
from spellock.attacks.view import AttackerView, floats
from spellock.tasks.pixel_model import PixelModel

Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Extraction(Attack):
    """Base: the student starts from the stolen weights, and learns class probabilities of raw images.

    Attributes:
        steps, batch_size, learning_rate: of SGD with momentum, in the last training.
        flip: mirror images at random; not for data where left and right matter.
    """

    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.01
    flip: bool = True

    def __post_init__(self) -> None:
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.CUSTOMER})

    @abstractmethod
    def steal(self, student: Student, customer: Customer) -> None:
        """Ask, and train the student."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        customer = view.customer
        assert customer is not None  # check_needs has seen it
        seen = outputs_of(view.stolen, view.unlabelled, label="raw images")
        real = torch.from_numpy(real_places(seen.shape[1], view, seen))
        model = with_raw_statistics(view.stolen, view.unlabelled, seed=view.seed)
        student = Student(attack=self, view=view, model=model, real=real, work=work)
        self.steal(student, customer)
        model.eval()

        def predict(raw: Tensor) -> Tensor:
            with torch.no_grad():
                scores: Tensor = model(raw.to(model.mean.device)).float().cpu()[:, real]
            return scores

        return [Stolen(predict=predict, found={"asked": customer.spent})]


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """The copy in the making: ``model`` learns in place, ``real`` are the places of the real classes in its outputs."""

    attack: Extraction
    view: AttackerView
    model: PixelModel
    real: Tensor
    work: Path | None

    def train(self, places: Places, answers: NDArray[np.float32], *, steps: int, name: str) -> None:
        """Cross-entropy with ``answers`` (M, classes) of the unlabelled images at ``places`` (M,)."""
        images, targets = self.view.unlabelled[torch.from_numpy(places)], torch.from_numpy(answers)
        device, attack = self.model.mean.device, self.attack
        real = self.real.to(device)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            chosen = torch.from_numpy(batch)
            pixels = floats(images[chosen].to(device))
            if attack.flip:
                mirrored = torch.from_numpy(draws.random(len(batch)) < 0.5).to(device)
                pixels = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)
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
                batch_size=attack.batch_size,
                learning_rate=attack.learning_rate,
                optimizer="sgd",
                weight_decay=5e-4,
            ),
            seed=self.view.seed,
            clock=self.view.budget.clock(),
            checkpoint=None if self.work is None else self.work / f"{name}.safetensors",
            label=f"copying, {len(places)} answers",
        )
        self.model.eval()

    def probabilities(self) -> NDArray[np.float32]:
        """What the student says of all unlabelled images, (N, classes)."""
        logits = outputs_of(self.model, self.view.unlabelled, label="the student")[:, self.real.numpy()]
        told: NDArray[np.float32] = torch.from_numpy(logits).softmax(1).numpy()
        return told
