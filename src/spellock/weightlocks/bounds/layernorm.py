"""LayerNorm, which has no line but a bound: z = (x - mean) / s with s = sqrt(variance + eps), then gain z + bias.

With n numbers at each place, z is sqrt(n) times a part of the unit vector along (x - mean, sqrt(n eps)). Unit vectors
along X and Y are at most 2 ||X - Y|| / (||X|| + ||Y||) apart (Dunkl and Williams 1964), so two values of z are at most
2 / (s + s') times as far apart as their x. Without measured spreads all that is known of s is that it is at least
sqrt(eps), and what is left is mostly that no z is longer than sqrt(n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import torch
from torch import Tensor, fx, nn

from spellock.weightlocks.bounds.norms import Norms


@dataclass(frozen=True, kw_only=True)
class LayerNormCall:
    """A node that calls LayerNorm, as a layer or as a function.

    Attributes:
        shape: of what is normalised together: the last axes.
        gain, bias: nodes that give them, or the names of a layer's parameters; None where there is none.
        eps: added to the variance.
    """

    shape: tuple[int, ...]
    gain: Any
    bias: Any
    eps: float

    @classmethod
    def of(cls, node: fx.Node, name: str, module: nn.Module | None) -> LayerNormCall | None:
        """None where the node calls something else; ``name`` as `signature.called_name` gives it."""
        if isinstance(module, nn.LayerNorm):
            gain, bias = ("weight" if module.weight is not None else None, "bias" if module.bias is not None else None)
            return cls(shape=tuple(module.normalized_shape), gain=gain, bias=bias, eps=module.eps)
        if module is not None or name != "layernorm":
            return None
        order = ("input", "normalized_shape", "weight", "bias", "eps")
        given: dict[str, Any] = dict(zip(order, node.args, strict=False)) | dict(node.kwargs)
        shape = given.get("normalized_shape", ())
        return cls(
            shape=tuple(shape) if isinstance(shape, Sequence) else (shape,),
            gain=given.get("weight"),
            bias=given.get("bias"),
            eps=given.get("eps", 1e-5),
        )

    def spreads(self, value: Tensor) -> Tensor:
        """s at each place, (N, places), of an input of the node."""
        flat = value.reshape(len(value), -1, prod(self.shape))
        found: Tensor = (flat.var(2, correction=0) + self.eps).sqrt()
        return found


def normalised(source: Norms, *, size: int, places: int, eps: float, closest: Tensor | None) -> Norms:
    """Bounds of z, from those of x.

    Args:
        size: numbers that are normalised together.
        places: how many such there are in an input.
        closest: (N,) the smallest s + s' over the places, measured; None where nothing was.
    """
    longest = torch.full_like(source.base, sqrt(size * places))
    factor = torch.full_like(source.base, 1 / sqrt(eps)) if closest is None else 2 / closest
    base, other = (torch.minimum(size_of / sqrt(eps), longest) for size_of in (source.base, source.other))
    return Norms(base=base, other=other, change=torch.minimum(source.change * factor, base + other))
