"""TENT (Wang et al., ICLR 2021): entropy minimisation of the normalisation layers, on unlabelled raw images."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from spellock.attacks.adapting import Adaptation, entropy
from spellock.attacks.fitting import Plan
from spellock.attacks.registry import register_attack
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel

_BATCH_NORMS: Final = nn.modules.batchnorm._BatchNorm
_NORMS: Final = (_BATCH_NORMS, nn.LayerNorm, nn.GroupNorm)


@register_attack("tent")
@dataclass(frozen=True, kw_only=True)
class Tent(Adaptation):
    """Scales and offsets of the normalisation layers learn to make H(softmax(z)) small, z over the real classes.

    Batch statistics while adapting, as there; LayerNorm and GroupNorm take the part of BatchNorm where a network has
    them. Defaults as in section 4 there: Adam, learning rate 0.001, one pass.
    """

    def choose(self, model: PixelModel) -> Iterable[nn.Parameter]:
        """See `Adaptation.choose`. Raises `ConfigError` for a model without affine normalisation layers."""
        model.eval()
        found = []
        for layer in model.modules():
            if isinstance(layer, _NORMS):
                layer.train(isinstance(layer, _BATCH_NORMS))
                found += [one for one in (layer.weight, layer.bias) if isinstance(one, nn.Parameter)]
        if not found:
            raise ConfigError("the model has no normalisation layer with a scale, which TENT adapts; try shot-im")
        return found

    def objective(self, probabilities: Tensor) -> Tensor:
        """Mean entropy."""
        return entropy(probabilities).mean()

    def plan(self, steps: int) -> Plan:
        """See `Adaptation.plan`."""
        return Plan(steps=steps, batch_size=self.batch_size, learning_rate=self.learning_rate, schedule="constant")
