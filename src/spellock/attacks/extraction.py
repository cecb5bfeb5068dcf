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
from torch import Tensor

from spellock.attacks.asked_model import AskedModel
from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.customer import Customer
from spellock.attacks.levels import Asset
from spellock.attacks.mirroring import FOLLOW, check_flip
from spellock.attacks.outputs import outputs_of, places_of_classes, real_places, softmax, with_raw_statistics
from spellock.attacks.prompt_search import PromptSearch
from spellock.attacks.student import Student
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.architectures import create_network
from spellock.tasks.pixel_model import PixelModel

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
        student = Student(
            view=view, model=model, real=real, work=work,
            batch_size=self.batch_size, learning_rate=self.learning_rate, flip=self.flip,
        )  # fmt: skip
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
