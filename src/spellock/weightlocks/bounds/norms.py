"""What is carried along a network: upper bounds of the values in both networks, and of how far they are apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, sqrt

import torch
from torch import Tensor

from spellock.weightlocks.bounds.operators import AffineNorms
from spellock.weightlocks.bounds.stretch import Stretch


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

    def product(self, second: Norms) -> Norms:
        """Of h k, number by number, where k may be repeated to the shape of h: ||h k|| <= ||h|| max |k| <= ||h|| ||k||,
        and h'k' - h k = h'(k' - k) + (h' - h) k = h (k' - k) + (h' - h) k'."""
        ways = (
            times(self.other, second.change) + times(self.change, second.base),
            times(self.base, second.change) + times(self.change, second.other),
        )
        return Norms(
            base=times(self.base, second.base), other=times(self.other, second.other), change=torch.minimum(*ways)
        )

    def stretched(self, how: Stretch, numbers: int) -> Norms:
        """Of a function of h that gives ``numbers`` numbers."""
        offset = how.offset * sqrt(numbers)
        return Norms(
            base=self.base * how.growth + offset,
            other=self.other * how.growth + offset,
            change=self.change * how.lipschitz,
        )

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


def times(factor: float | Tensor, bound: Tensor) -> Tensor:
    """The product of two bounds: nothing times a value is nothing, also where the value's bound is infinite."""
    return (bound * factor).nan_to_num(nan=0.0, posinf=inf)


def through(source: Norms, affine: AffineNorms) -> Norms:
    """What a layer with weights makes of them.

    With e = x' - x and D = A' - A, ||A'x' + c' - A x - c|| is at most ||A'|| ||e|| + ||D|| ||x|| + ||c' - c||, and also
    at most ||A|| ||e|| + ||D|| ||x'|| + ||c' - c||.
    """
    ways = (
        times(affine.other, source.change) + times(affine.change, source.base),
        times(affine.base, source.change) + times(affine.change, source.other),
    )
    return Norms(
        base=times(affine.base, source.base) + affine.base_offset,
        other=times(affine.other, source.other) + affine.other_offset,
        change=torch.minimum(*ways) + affine.offset_change,
    )
