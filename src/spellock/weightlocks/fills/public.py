"""The public pretrained values: the keyed model is then the public one but for what fine-tuning changed elsewhere.

An honest thief's first try is this fill, so it shows what the lock protects: the owner's fine-tuning alone.
"""

from __future__ import annotations

from spellock.weightlocks.fills.gaussian import gaussian
from spellock.weightlocks.fills.registry import Hole, register_fill
from spellock.weightlocks.splice import Values


@register_fill("public")
def public(hole: Hole) -> Values:
    """Values of the public model at the key's place; `gaussian` for tensors that it has not (a new classifier)."""
    return gaussian(hole) if hole.public is None else hole.place.take(hole.public)
