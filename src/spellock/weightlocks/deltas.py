"""A key that holds differences to what stands in its place, which has to be near: the public pretrained weights.

What fine-tuning changes is much smaller than the weights, so 4 bits of it lose what 8 bits of the weights lose, and a
key of the same size holds twice as many of them. It opens nothing without the very model that it was made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import Values
from spellock.weightlocks.states import State
from spellock.weightlocks.value_coding import holds_deltas, wide

if TYPE_CHECKING:
    from spellock.weightlocks.weight_key import WeightKey


def differences(values: Tensor, standing: Tensor) -> Tensor:
    """What the key holds of ``values``, before it is rounded; both (k, unit) of one dtype, as the result."""
    computed = wide(values.dtype)
    return (values.to(computed) - standing.to(computed)).to(values.dtype)


def opened(place: Place, held: Tensor, standing: Tensor, coding: str) -> Tensor:
    """The values that belong into the key's place, (k, unit): those held, or what stands there plus them."""
    if not holds_deltas(place.info, coding):
        return held
    computed = wide(place.info.dtype)
    return (standing.to(computed) + held.to(standing.device, computed)).to(place.info.dtype)


def opened_values(keyed: State, key: WeightKey) -> dict[str, Tensor]:
    """`opened` of all tensors of ``key``, on the CPU."""
    return {
        name: opened(place, key.values[name], place.take(keyed[name]).cpu(), key.coding)
        for name, place in key.places.items()
    }


def standing_values(state: State, key: WeightKey) -> dict[str, Tensor]:
    """What stands in the key's places of a *keyed* model, (k, unit) on the CPU, of the tensors it holds deltas of."""
    return {name: place.take(state[name]).cpu() for name, place in _delta_places(key).items()}


def stood_values(state: State, key: WeightKey) -> dict[str, Tensor]:
    """`standing_values` of the model that ``key`` was put into: the same but for the last bit of a sum."""
    return {
        name: differences(place.take(state[name]).cpu(), key.values[name]) for name, place in _delta_places(key).items()
    }


def _delta_places(key: WeightKey) -> Mapping[str, Place]:
    return {name: place for name, place in key.places.items() if holds_deltas(place.info, key.coding)}


@dataclass(frozen=True, kw_only=True)
class OpenedValues:
    """`opened` of one tensor of a keyed model, in the parts that are asked for."""

    place: Place
    held: Values
    tensor: Tensor
    coding: str

    def __getitem__(self, units: slice) -> Tensor:
        held = self.held[units]
        if not holds_deltas(self.place.info, self.coding):
            return held
        return opened(self.place, held, self.place.at(self.place.indices[units], self.tensor), self.coding)
