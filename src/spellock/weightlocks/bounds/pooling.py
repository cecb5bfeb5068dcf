"""How much pooling can stretch a difference: the norms of its windows, axis by axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import torch
import torch.nn.functional as F

from spellock.errors import ModelError
from spellock.weightlocks.bounds.operators import spectral_norm
from spellock.weightlocks.bounds.stretch import Arguments, Stretch, same


def avg_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
    if arguments.get("divisor_override") is not None:
        raise ModelError("it pools with a divisor of its own, expected the window's size")
    axes = _axes(in_shape, out_shape, arguments)
    kernel, stride, padding, _ = _windows(arguments, len(axes))
    factor = 1.0
    for i, size in enumerate(axes):
        pooled = F.avg_pool1d(
            torch.eye(size, dtype=torch.float64)[None],
            kernel[i],
            stride[i],
            padding[i],
            ceil_mode=bool(arguments.get("ceil_mode", False)),
            count_include_pad=bool(arguments.get("count_include_pad", True)),
        )
        factor *= float(spectral_norm(pooled[0]))
    return same(factor)


def adaptive_avg_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
    count = len(_axes(in_shape, out_shape, arguments))
    factor = 1.0
    for size, wanted in zip(in_shape[-count:], out_shape[-count:], strict=True):
        pooled = F.adaptive_avg_pool1d(torch.eye(size, dtype=torch.float64)[None], wanted)
        factor *= float(spectral_norm(pooled[0]))
    return same(factor)


def max_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
    """sqrt of how many windows share a pixel: a window's maximum moves no more than its largest move of a pixel."""
    if arguments.get("return_indices"):
        raise ModelError("it returns indices, expected the pooled values alone")
    axes = _axes(in_shape, out_shape, arguments)
    kernel, stride, padding, dilation = _windows(arguments, len(axes))
    shared = 1
    for i, size in enumerate(axes):
        counts = [0] * size
        for window in range(out_shape[len(out_shape) - len(axes) + i]):
            for place in range(kernel[i]):
                at = window * stride[i] - padding[i] + place * dilation[i]
                if 0 <= at < size:
                    counts[at] += 1
        shared *= max(counts)
    return same(sqrt(shared))


def _axes(in_shape: Sequence[int], out_shape: Sequence[int], arguments: Arguments) -> Sequence[int]:
    """Sizes of the pooled axes; ``arguments["axes"]`` is the number in the function's name."""
    if len(in_shape) != arguments["axes"] + 2 or len(out_shape) != len(in_shape):
        raise ModelError("it pools an input without a batch axis, expected one")
    return in_shape[2:]


def _windows(arguments: Arguments, count: int) -> list[list[int]]:
    kernel = _each(arguments["kernel_size"], count)
    stride = arguments.get("stride")
    return [
        kernel,
        kernel if stride is None or stride == [] else _each(stride, count),
        _each(arguments.get("padding", 0), count),
        _each(arguments.get("dilation", 1), count),
    ]


def _each(value: int | Sequence[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else list(value)
