"""Extraction: train a copy on what a model answers, unlocked or not. What its methods share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.asked_model import AskedModel
from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.customer import Customer
from spellock.attacks.fitting import Plan, fit
from spellock.attacks.levels import Asset
from spellock.attacks.mirroring import FOLLOW, check_flip, flips, half_mirrored
from spellock.attacks.outputs import outputs_of, places_of_classes, real_places, softmax, with_raw_statistics
from spellock.attacks.prompt_search import PromptSearch
from spellock.attacks.view import AttackerView, floats
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.architectures import create_network
from spellock.tasks.pixel_model import PixelModel

Places = NDArray[np.int64]
#: What ``student`` says of the public weights.
PUBLIC: Final = "public"


@dataclass(frozen=True, kw_only=True)
class Extraction(Attack):
    """Base: a student learns class probabilities of raw images.

    Asked is an ``unlocked`` model, whose user is an insider with the key; or the ``locked`` one, without a key; or that
    with a ``guessed`` key, the best of `prompt-search`. Lock classes are left out of all answers. The first student
    starts from the stolen weights, the others from public or random ones: they would else learn what they know. So
    these need answers alone; a thief without the weights pays for each with a query, the search for a key included.

    Attributes:
        asks: ``unlocked``, ``locked`` or ``guessed``.
        student: of the last two, ``public``: the public weights; or the name of an architecture, with random weights.
        steps, batch_size, learning_rate: of SGD with momentum, in the last training.
        flip: mirror images at random: ``yes``, ``no``, or ``follow`` what the locked model's own training did.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {
            "": MappingProxyType({}),
            "without a key": MappingProxyType({"asks": "locked"}),
            "guessed key": MappingProxyType({"asks": "guessed"}),
            "without a key, own network": MappingProxyType({"asks": "locked", "student": "small_resnet8"}),
        }
    )
    asks: str = "unlocked"
    student: str = PUBLIC
    steps: int = 300
    batch_size: int = 64
    learning_rate: float = 0.01
    flip: str = FOLLOW

    def __post_init__(self) -> None:
        one_of("asks", self.asks, ("unlocked", "locked", "guessed"))
        if self.asks == "unlocked" and self.student != PUBLIC:
            raise ConfigError(
                f"option student is {self.student!r} with asks unlocked, whose student is the stolen model; "
                "leave student out, or give asks locked or guessed"
            )
        check_flip(self.flip)
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        if self.asks == "unlocked":
            return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.CUSTOMER})
        more = {Asset.PUBLIC} if self.student == PUBLIC else set()
        more |= {Asset.EDITOR} if self.asks == "guessed" else set()
        return frozenset({Asset.QUERIES, Asset.UNLABELLED} | more)

    @property
    def counts_answers(self) -> bool:
        """See `Attack.counts_answers`."""
        return self.asks != "unlocked"

    @abstractmethod
    def steal(self, student: Student, customer: Customer) -> None:
        """Ask, and train the student."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ModelError` where there is no such architecture as ``student``."""
        check_needs(view, self.needs)
        if self.asks == "unlocked":
            customer, start = held(view.customer), view.stolen
            real = torch.from_numpy(places_of_classes(view, start, view.unlabelled))
        else:
            start, real = self._student(view), torch.arange(view.classes)
            customer = _locked(view) if self.asks == "locked" else _guessed(view, work)
        model = with_raw_statistics(start, view.unlabelled, seed=view.seed)
        student = Student(attack=self, view=view, model=model, real=real, work=work)
        self.steal(student, customer)
        model.eval()

        def predict(raw: Tensor) -> Tensor:
            with torch.no_grad():
                scores: Tensor = model(raw.to(model.mean.device)).float().cpu()[:, real]
            return scores

        return [Stolen(predict=predict, found={"asked": customer.spent})]

    def _student(self, view: AttackerView) -> PixelModel:
        if self.student == PUBLIC:
            return held(view.public)
        built = create_network(self.student, num_classes=view.classes, seed=view.seed)
        model = PixelModel(
            built.network,
            input_size=built.input_size,
            mean=built.mean,
            std=built.std,
            interpolation=built.interpolation,
        )
        # Where the model is that answers, if that is known: there is the room to train.
        return model if view.model is None else model.to(view.model.mean.device)


def _locked(view: AttackerView) -> Customer:
    """The locked model as it is."""
    if view.model is None and view.query is not None:
        return AskedModel(view.query, view, limit=view.query.left)
    seen = outputs_of(view.stolen, view.unlabelled, label="raw images")
    said = seen[:, real_places(seen.shape[1], view, seen)]
    return Customer(softmax(said).astype(np.float32), limit=view.budget.queries)


def _guessed(view: AttackerView, work: Path | None) -> Customer:
    """The locked model under the guessed key that looks most right; the search takes half of the time and queries."""
    trial = view.query.part(2) if view.model is None and view.query is not None else None
    half = replace(view, started=view.clock.part(2), query=trial or view.query)
    best = PromptSearch(keep=1)(half, None if work is None else work / "guess")[0]
    if view.query is not None and trial is not None:
        trial.release()  # what is left belongs to the copy
        return AskedModel(best.predict, view, limit=view.query.left)
    said = outputs_of(best.predict, view.unlabelled, label="asking with a guessed key")
    return Customer(softmax(said).astype(np.float32), limit=view.budget.queries)


@dataclass(frozen=True, kw_only=True, eq=False)
class Student:
    """The copy in the making: ``model`` learns in place, ``real`` are the places of the real classes in its outputs."""

    attack: Extraction
    view: AttackerView
    model: PixelModel
    real: Tensor
    work: Path | None

    def train(
        self, places: Places, answers: NDArray[np.float32], *, steps: int, name: str, clock: Clock | None = None
    ) -> None:
        """Cross-entropy with ``answers`` (M, classes) of the unlabelled images at ``places`` (M,), for as long as
        ``clock`` allows; None: until the attack's time is over."""
        images, targets = self.view.unlabelled[torch.from_numpy(places)], torch.from_numpy(answers)
        device, attack = self.model.mean.device, self.attack
        real, mirrors = self.real.to(device), flips(attack.flip, self.view)

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
                batch_size=attack.batch_size,
                learning_rate=attack.learning_rate,
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
