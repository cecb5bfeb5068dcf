"""A model of which only some units learn: what a thief trains who takes them for the missing key."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call

from spellock.tasks.pixel_model import PixelModel
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import ModuleState


class ConfinedModel(nn.Module):
    """``model`` with its values in ``places`` as parameters; all else stands still, BatchNorm statistics included.

    Args:
        model: in evaluation mode.
        places: by the names of the model's network, of floating tensors.
    """

    def __init__(self, model: PixelModel, places: Mapping[str, Place]) -> None:
        super().__init__()
        tensors = ModuleState(model.network).tensors
        self.model, self._places = model.requires_grad_(False), dict(places)
        self._tensors = {name: tensors[name] for name in places}
        self.values = nn.ParameterList([place.take(tensors[name]) for name, place in self._places.items()])

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, 3, H, W)."""
        changed = {}
        for (name, place), values in zip(self._places.items(), self.values, strict=True):
            index = torch.from_numpy(place.indices).to(values.device)
            rows = self._tensors[name].reshape(-1, place.unit).index_copy(0, index, values)
            changed[f"network.{name}"] = rows.reshape(place.info.shape)
        found: Tensor = functional_call(self.model, changed, (images,))
        return found

    def train(self, mode: bool = True) -> ConfinedModel:
        """Stay in evaluation mode: statistics of a few images would replace those of the owner's training."""
        return super().train(False)
