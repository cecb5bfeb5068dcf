"""SHOT-IM (Liang et al., ICML 2020): information maximisation of the features, the classifier held fixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from spellock.attacks.adapting import Adaptation, entropy
from spellock.attacks.fitting import Plan
from spellock.attacks.registry import register_attack
from spellock.tasks.heads import find_head
from spellock.tasks.pixel_model import PixelModel


@register_attack("shot-im")
@dataclass(frozen=True, kw_only=True)
class ShotIm(Adaptation):
    """All layers but the classifier learn to make H(p) small for each image and H(mean p) large over the batch.

    Eq. 3 there, without its pseudo-labels. Defaults as there for a pretrained network: SGD with momentum 0.9, learning
    rate 0.001, weight decay 0.001, batches of 64, 15 passes. The fall of the learning rate is a cosine here.

    Attributes:
        diversity: weight of H(mean p); it keeps all images from going to one class.
    """

    epochs: int = 15
    diversity: float = 1.0

    def choose(self, model: PixelModel) -> Iterable[nn.Parameter]:
        """See `Adaptation.choose`."""
        model.train()
        _, head = find_head(model.network)
        fixed = {id(parameter) for parameter in head.parameters()}
        return [parameter for parameter in model.parameters() if id(parameter) not in fixed]

    def objective(self, probabilities: Tensor) -> Tensor:
        """Mean entropy minus ``diversity`` times the entropy of the mean."""
        return entropy(probabilities).mean() - self.diversity * entropy(probabilities.mean(0))

    def plan(self, steps: int) -> Plan:
        """See `Adaptation.plan`."""
        return Plan(
            steps=steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            optimizer="sgd",
            weight_decay=1e-3,
        )
