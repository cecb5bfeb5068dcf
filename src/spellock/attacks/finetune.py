"""Fine-tuning on labelled raw images: what any thief with labels does (NTLBench's four ways: all or head, old or new).

Learning rate and length are chosen on a fifth of the labels, then all of them train. Every start gets the same grid.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.labelled import hold_out
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import outputs_of, places_of_classes, with_raw_statistics
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView, Labels, floats
from spellock.hidden import Scalar
from spellock.tasks.heads import find_head, replace_head
from spellock.tasks.pixel_model import PixelModel

RATES = (0.1, 0.01, 0.001)


@register_attack("finetune")
@dataclass(frozen=True, kw_only=True)
class Finetune(Attack):
    """Cross-entropy on the real classes, SGD with momentum, horizontal flips.

    Attributes:
        layers: ``all`` of them train, or the ``head`` alone.
        head: ``kept``, or ``new``: re-initialised.
        steps: of each run; there is one run for each of three learning rates and a last one.
        batch_size: images a step.
        flip: mirror images at random; not for data where left and right matter.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {
        "": {},
        "new head": {"head": "new"},
        "head only": {"layers": "head"},
        "new head only": {"layers": "head", "head": "new"},
    }
    layers: str = "all"
    head: str = "kept"
    steps: int = 300
    batch_size: int = 64
    flip: bool = True

    def __post_init__(self) -> None:
        one_of("layers", self.layers, ("all", "head"))
        one_of("head", self.head, ("kept", "new"))
        positive(steps=self.steps, batch_size=self.batch_size)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        start, labels = view.stolen, held(view.labels)
        real = places_of_classes(view, start, view.unlabelled)
        start = with_raw_statistics(start, view.unlabelled, seed=view.seed)
        if self.head == "new":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(view.seed)
                replace_head(start.network, view.classes)
            real = np.arange(view.classes)
        train, check = hold_out(labels, seed=view.seed)
        scores = {}
        for rate in RATES:
            model = self._trained(start, view, train, real, rate, work)
            known = outputs_of(model, held(view.labelled)[torch.from_numpy(check)], label="checking")[:, real]
            scores[rate] = float((known.argmax(axis=1) == labels[check]).mean())
        best = max(scores, key=lambda rate: scores[rate])
        final = self._trained(start, view, np.arange(len(labels)), real, best, work)

        def predict(images: Tensor) -> Tensor:
            with torch.no_grad():
                scores: Tensor = final(images)[:, real].float().cpu()
            return scores

        return [Stolen(predict=predict, found={"learning rate": best})]

    def _trained(
        self, start: PixelModel, view: AttackerView, chosen: Labels, real: NDArray[np.int64], rate: float,
        work: Path | None,
    ) -> PixelModel:  # fmt: skip
        model = copy.deepcopy(start)
        images, labels = held(view.labelled)[torch.from_numpy(chosen)], held(view.labels)
        device = model.mean.device
        targets, places = torch.from_numpy(labels[chosen]).to(device), torch.from_numpy(real).to(device)
        _, head = find_head(model.network)
        model.train(self.layers == "all")
        parameters = model.parameters() if self.layers == "all" else head.parameters()

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            pixels = floats(images[torch.from_numpy(batch)].to(device))
            if self.flip:
                mirrored = torch.from_numpy(draws.random(len(batch)) < 0.5).to(device)
                pixels = torch.where(mirrored[:, None, None, None], pixels.flip(-1), pixels)
            return F.cross_entropy(model(pixels)[:, places], targets[torch.from_numpy(batch).to(device)])

        fit_for(
            view,
            model,
            parameters,
            loss,
            images=len(chosen),
            plan=Plan(
                steps=self.steps,
                batch_size=self.batch_size,
                learning_rate=rate,
                optimizer="sgd",
                weight_decay=5e-4,
            ),
            work=work,
            name=f"finetuned_{len(chosen)}_{rate}",
            label=f"fine-tuning on {len(chosen)} labels, rate {rate}",
        )
        return model.eval()
