"""What is carried along a network: upper bounds of the values in both networks, and of how far they are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from spellock.weightlocks.bounds.operators import AffineNorms


@dataclass(frozen=True, kw_only=True)
class Norms:
    """Upper bounds of ||h||, ||h'|| and ||h' - h||, float64 (N,), one for each input."""

    base: Tensor
    other: Tensor
    change: Tensor

    def combine(self, others: Sequence[Norms], how: Callable[[Tensor], Tensor]) -> Norms:
        """Each of the three put together with those of ``others``, stacked (count, N), by ``how``."""
        every = (self, *others)
        return Norms(
            base=how(torch.stack([each.base for each in every])),
            other=how(torch.stack([each.other for each in every])),
            change=how(torch.stack([each.change for each in every])),
        )

    def within(self, base: Tensor, other: Tensor) -> Norms:
        """The same where the sizes of both values are known to be ``base`` and ``other``, (N,) each."""
        return Norms(base=torch.minimum(self.base, base), other=torch.minimum(self.other, other), change=self.change)

    def times(self, factor: float) -> Norms:
        """All three stretched."""
        return Norms(base=self.base * factor, other=self.other * factor, change=self.change * factor)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer with weights as it was met: its bounds, and what its own change adds, for each input (N,)."""

    name: str
    kind: str
    norms: AffineNorms
    added: Tensor


def through(source: Norms, affine: AffineNorms) -> Norms:
    """What a layer with weights makes of them.

    With e = x' - x and D = A' - A, ||A'x' + c' - A x - c|| is at most ||A'|| ||e|| + ||D|| ||x|| + ||c' - c||, and also
    at most ||A|| ||e|| + ||D|| ||x'|| + ||c' - c||.
    """
    ways = (
        affine.other * source.change + affine.change * source.base,
        affine.base * source.change + affine.change * source.other,
    )
    return Norms(
        base=affine.base * source.base + affine.base_offset,
        other=affine.other * source.other + affine.other_offset,
        change=torch.minimum(*ways) + affine.offset_change,
    )
