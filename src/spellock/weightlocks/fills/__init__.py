"""Fills: what stands in the key's place in the keyed model. One file each; importing this package registers them."""

from spellock.weightlocks.fills import gaussian, public, shuffled, zero
from spellock.weightlocks.fills.registry import Fill, Hole, list_fills, make_fill, register_fill

__all__ = [
    "Fill",
    "Hole",
    "gaussian",
    "list_fills",
    "make_fill",
    "public",
    "register_fill",
    "shuffled",
    "zero",
]
