"""Keys as older files have them."""

from __future__ import annotations

from torch import nn

from spellock.weightlocks.outside import outside_digest
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.weight_key import WeightKey


def older(key: WeightKey, module: nn.Module) -> WeightKey:
    """``key`` of ``module``, keyed or not, with digests of what lies outside it in place of tags."""
    state = ModuleState(module)
    return key.replace(outside={name: outside_digest(place, state[name]) for name, place in key.places.items()})
