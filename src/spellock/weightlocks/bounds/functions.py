"""Layers with weights that a network calls as functions, as timm's does: their norms, from the nodes of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Final

import torch
from torch import Tensor, fx

from spellock.errors import ModelError
from spellock.weightlocks.bounds.operators import AffineNorms, Line, fixed_line, line_norms, matrix_norms

#: A tensor of both networks, float64.
Pair = tuple[Tensor, Tensor]
#: Brings the tensors of an argument; None for one that is None.
Pairs = Callable[[Any], Pair | None]
_BATCH_NORM: Final = ("input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps")
_LINEAR: Final = ("input", "weight", "bias")


def gain_norms(gain: Pair | None, bias: Pair | None, *, places: int) -> AffineNorms:
    """Of a gain and a bias for each number of the last axes, the same at each of ``places``; either may be missing."""
    ones = torch.ones(1, dtype=torch.float64)
    lines: list[Line] = [
        (ones if gain is None else gain[which], None if bias is None else bias[which]) for which in (0, 1)
    ]
    return line_norms(lines[0], lines[1], places)


def _batch_norm(node: fx.Node, pairs: Pairs, shape: tuple[int, ...]) -> AffineNorms:
    given: dict[str, Any] = dict(zip(_BATCH_NORM, node.args, strict=False)) | dict(node.kwargs)
    mean, variance, gain, bias = (pairs(given.get(name)) for name in _BATCH_NORM[1:5])
    if given.get("training") or mean is None or variance is None:
        raise ModelError("got BatchNorm with statistics of the batch, expected running ones: it is no fixed line")
    lines = [
        fixed_line(
            mean[which],
            variance[which],
            None if gain is None else gain[which],
            None if bias is None else bias[which],
            given.get("eps", 1e-5),
        )
        for which in (0, 1)
    ]
    return line_norms(lines[0], lines[1], prod(shape[2:]))


def _linear(node: fx.Node, pairs: Pairs, shape: tuple[int, ...]) -> AffineNorms:
    given: dict[str, Any] = dict(zip(_LINEAR, node.args, strict=False)) | dict(node.kwargs)
    weight, bias = pairs(given.get("weight")), pairs(given.get("bias"))
    if weight is None:
        raise ModelError("got a linear layer without weights")
    return matrix_norms(weight, bias, prod(shape[1:-1]))


#: By the name that `signature.called_name` gives.
FUNCTIONS: Final[Mapping[str, Callable[[fx.Node, Pairs, tuple[int, ...]], AffineNorms]]] = {
    "batchnorm": _batch_norm,
    "linear": _linear,
}
