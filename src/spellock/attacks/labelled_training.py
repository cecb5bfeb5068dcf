"""Training on labelled raw images with a learning rate chosen on a fifth of them: what several attacks end with.

The rate is that of the highest accuracy there; of equals, and among few images there are many, of the lowest loss.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.attacks.base import Predict, Stolen
from spellock.attacks.budget import Clock
from spellock.attacks.checks import held
from spellock.attacks.fitting import Plan, fit_for
from spellock.attacks.labelled import chosen_on, hold_out
from spellock.attacks.mirroring import half_mirrored
from spellock.attacks.outputs import Logits, outputs_of
from spellock.attacks.view import AttackerView, Labels, floats
from spellock.tasks.pixel_model import PixelModel

RATES = (0.1, 0.01, 0.001)
#: Sets the modes of a copy of the start, and gives what is called in training and the parameters that train.
Prepare = Callable[[PixelModel], tuple[nn.Module, Iterable[nn.Parameter]]]


@dataclass(frozen=True, kw_only=True)
class LabelledTraining:
    """SGD with momentum on the cross-entropy of the real classes; the same grid for every start.

    Attributes:
        prepare: see `Prepare`.
        steps: of each run; there is one run for each learning rate and a last one on all labels.
        batch_size: images a step.
        flip: mirror images at random.
        name: of the checkpoints.
    """

    prepare: Prepare
    steps: int
    batch_size: int
    flip: bool
    name: str

    def __call__(
        self, view: AttackerView, start: PixelModel, real: NDArray[np.int64], work: Path | None
    ) -> list[Stolen]:
        """Train copies of ``start``, whose outputs at ``real`` are the classes; one predictor."""
        labels, device = held(view.labels), start.mean.device

        def answer(model: nn.Module) -> Predict:
            return lambda images: model(images.to(device))

        train, check = hold_out(labels, seed=view.seed)
        scores = {}
        for place, rate in enumerate(RATES):
            model = self._trained(start, view, train, real, rate, work, view.clock.part(len(RATES) + 1 - place))
            known = outputs_of(answer(model), held(view.labelled)[torch.from_numpy(check)], label="checking")[:, real]
            scores[rate] = _accuracy_and_loss(known, labels[check])
        best = max(scores, key=lambda rate: scores[rate])
        final = self._trained(start, view, np.arange(len(labels)), real, best, work, view.clock)

        def predict(images: Tensor) -> Tensor:
            with torch.no_grad():
                scores: Tensor = answer(final)(images)[:, real].float().cpu()
            return scores

        return [Stolen(predict=predict, found={"learning rate": best, **chosen_on(check, labels)})]

    def _trained(
        self, start: PixelModel, view: AttackerView, chosen: Labels, real: NDArray[np.int64], rate: float,
        work: Path | None, clock: Clock,
    ) -> nn.Module:  # fmt: skip
        copied = copy.deepcopy(start)
        images, labels = held(view.labelled)[torch.from_numpy(chosen)], held(view.labels)
        device = copied.mean.device
        targets, places = torch.from_numpy(labels[chosen]).to(device), torch.from_numpy(real).to(device)
        model, parameters = self.prepare(copied)

        def loss(batch: NDArray[np.int64], draws: np.random.Generator) -> Tensor:
            pixels = floats(images[torch.from_numpy(batch)].to(device))
            if self.flip:
                pixels = half_mirrored(pixels, draws)
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
            name=f"{self.name}_{len(chosen)}_{rate}",
            label=f"fine-tuning on {len(chosen)} labels, rate {rate}",
            clock=clock,
        )
        return model.eval()


def _accuracy_and_loss(outputs: Logits, labels: Labels) -> tuple[float, float]:
    """Accuracy and the negative cross-entropy: the greater pair is the better one, and no loss is worse than NaN."""
    accuracy = float((outputs.argmax(axis=1) == labels).mean())
    loss = float(F.cross_entropy(torch.from_numpy(outputs).double(), torch.from_numpy(labels)))
    return accuracy, -math.inf if math.isnan(loss) else -loss
