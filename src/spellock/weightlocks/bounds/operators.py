"""Operator norms of layers with weights: the largest factor by which each can stretch its input.

All norms are Euclidean, of one input at a time. A layer is y = A x + c; the same layer of the changed network is
y = A' x + c'. What the propagation needs are upper bounds of ||A||, ||A'||, ||A' - A|| and the sizes of c, c', c' - c.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, gcd, prod, sqrt
from typing import Final

import torch
from torch import Tensor, nn

from spellock.errors import ModelError

#: Norms are computed in float64 and rounded up by this, so that an upper bound stays one.
_ROUND_UP: Final = 1 + 1e-9


@dataclass(frozen=True, kw_only=True)
class AffineNorms:
    """Upper bounds for a layer A x + c and its changed version A' x + c'.

    Attributes:
        base, other, change: of ||A||, ||A'|| and ||A' - A||.
        base_offset, other_offset, offset_change: of ||c||, ||c'|| and ||c' - c||, over all places of the output.
    """

    base: float
    other: float
    change: float
    base_offset: float = 0.0
    other_offset: float = 0.0
    offset_change: float = 0.0


def spectral_norm(matrices: Tensor) -> Tensor:
    """Largest singular values of float64 matrices (..., p, q), rounded up; from the smaller Gram matrix."""
    if 0 in matrices.shape[-2:]:
        return matrices.new_zeros(matrices.shape[:-2])
    wide = matrices.shape[-2] <= matrices.shape[-1]
    gram = matrices @ matrices.mT if wide else matrices.mT @ matrices
    largest: Tensor = torch.linalg.eigvalsh(gram)[..., -1].clamp(min=0).sqrt() * _ROUND_UP
    return largest


def conv_norm(weight: Tensor, *, stride: Sequence[int], dilation: Sequence[int], groups: int) -> float:
    """An upper bound of a convolution's operator norm, for every input size and zero padding.

    The smallest of three, each true (K_u is the (out, in) matrix of kernel place u, k the number of places):
    sum over u of ||K_u||, since each K_u acts on a shifted input; ||[K_1 ... K_k]|| sqrt(m), since the input's patches
    repeat each pixel at most m = product of ceil(k_i gcd(s_i, d_i) / s_i) times over the axes i with stride s and
    dilation d; ||[K_1; ...; K_k]|| sqrt(k), since each output adds k parts. With groups, the largest of the groups'.

    Args:
        weight: float64 (out, in / groups, k_1, ...).
    """
    sizes = weight.shape[2:]
    kernel = weight.reshape(groups, weight.shape[0] // groups, weight.shape[1], prod(sizes))
    repeats = prod(ceil(size * gcd(step, gap) / step) for size, step, gap in zip(sizes, stride, dilation, strict=True))
    by_place = spectral_norm(kernel.permute(0, 3, 1, 2)).sum(1)
    by_patch = spectral_norm(kernel.flatten(2)) * sqrt(repeats)
    by_output = spectral_norm(kernel.permute(0, 3, 1, 2).flatten(1, 2)) * sqrt(kernel.shape[-1])
    return float(torch.stack([by_place, by_patch, by_output]).amin(0).amax())


def layer_norms(base: nn.Module, other: nn.Module, out_shape: Sequence[int]) -> AffineNorms | None:
    """The norms of a layer and its changed version; None where it is no linear, convolution or BatchNorm layer.

    Args:
        base, other: the same layer of both networks, float64, in evaluation mode.
        out_shape: shape of its output, batch included.

    Raises:
        ModelError: it is one of them, but of a kind without a bound (padding other than zeros, batch statistics).
    """
    if isinstance(base, nn.Linear) and isinstance(other, nn.Linear):
        biases = None if base.bias is None or other.bias is None else (base.bias, other.bias)
        return matrix_norms((base.weight.detach(), other.weight.detach()), biases, prod(out_shape[1:-1]))
    if isinstance(base, nn.Conv1d | nn.Conv2d | nn.Conv3d) and isinstance(other, type(base)):
        if len(out_shape) != base.weight.dim():
            raise ModelError("it gets an input without a batch axis, expected one")
        if base.padding_mode != "zeros":
            raise ModelError(
                f"got a convolution padded by {base.padding_mode}, expected zeros, which alone has a bound"
            )
        one, two = base.weight.detach(), other.weight.detach()
        norms = [
            conv_norm(kernel, stride=base.stride, dilation=base.dilation, groups=base.groups)
            for kernel in (one, two, two - one)
        ]
        return _affine(norms, base.bias, other.bias, prod(out_shape[2:]))
    if isinstance(base, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) and isinstance(other, type(base)):
        # (N, L, C) inputs are not taken by BatchNorm1d: channels are the second axis.
        return line_norms(batchnorm_line(base), batchnorm_line(other), prod(out_shape[2:]))
    return None


def matrix_norms(weights: tuple[Tensor, Tensor], biases: tuple[Tensor, Tensor] | None, places: int) -> AffineNorms:
    """Of a matrix and a bias, or none, in both networks, at each of ``places``."""
    one, two = weights
    norms = [float(spectral_norm(matrix)) for matrix in (one, two, two - one)]
    base, other = biases or (None, None)
    return _affine(norms, base, other, places)


#: Slope and offset of each channel; the offset may be missing.
Line = tuple[Tensor, Tensor | None]


def line_norms(base: Line, other: Line, places: int) -> AffineNorms:
    """Of a slope and an offset, or none, for each channel, the same at each of its places."""
    one, two = base[0], other[0]
    norms = [float(values.abs().amax()) * _ROUND_UP for values in (one, two, two - one)]
    return _affine(norms, base[1], other[1], places)


def batchnorm_line(module: nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """Slope and offset of each channel in evaluation mode: gain / sqrt(var + eps), and bias - slope * mean.

    Raises:
        ModelError: the layer keeps no running statistics.
    """
    if module.running_mean is None or module.running_var is None:
        raise ModelError("got BatchNorm without running statistics, expected one that keeps them: it is no fixed line")
    return fixed_line(module.running_mean, module.running_var, module.weight, module.bias, module.eps)


def fixed_line(
    mean: Tensor, variance: Tensor, gain: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor]:
    """Slope and offset of a normalisation by these statistics."""
    slope = (variance + eps).rsqrt() * (1.0 if gain is None else gain.detach())
    offset = -slope * mean
    return slope, offset if bias is None else offset + bias.detach()


def _affine(norms: Sequence[float], base: Tensor | None, other: Tensor | None, places: int) -> AffineNorms:
    sizes = [0.0, 0.0, 0.0]
    if base is not None and other is not None:
        vectors = (base.detach(), other.detach(), other.detach() - base.detach())
        sizes = [float(vector.norm()) * sqrt(places) * _ROUND_UP for vector in vectors]
    return AffineNorms(
        base=norms[0],
        other=norms[1],
        change=norms[2],
        base_offset=sizes[0],
        other_offset=sizes[1],
        offset_change=sizes[2],
    )
