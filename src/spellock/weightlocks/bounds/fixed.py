"""Layers and functions without weights: how much each can stretch a difference, and a value.

For f: ||f(x) - f(y)|| <= lipschitz ||x - y||, and ||f(x)|| <= growth ||x|| + offset sqrt(numbers in f(x)). Growth can
be smaller than the Lipschitz constant: GELU stretches differences by 1.13, but never makes a value larger.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from spellock.errors import ModelError
from spellock.weightlocks.bounds.operators import spectral_norm

Arguments = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """What a function without weights can do to a difference and to a value."""

    lipschitz: float = 1.0
    growth: float = 1.0
    offset: float = 0.0


def _same(factor: float) -> Stretch:
    return Stretch(lipschitz=factor, growth=factor)


#: Largest slopes: GELU's at sqrt 2, 1.12890; its tanh form's, 1.12898; SiLU's at 2.3994, 1.09984; all rounded up.
_GELU: Final = Stretch(lipschitz=1.13)
_ELEMENTWISE: Final[Mapping[str, Stretch]] = {
    "relu": Stretch(),
    "relu6": Stretch(),
    "gelu": _GELU,
    "silu": Stretch(lipschitz=1.1),
    "hardswish": Stretch(lipschitz=1.5),
    "tanh": Stretch(),
    "sigmoid": Stretch(lipschitz=0.25, growth=0.25, offset=0.5),
    "hardsigmoid": Stretch(lipschitz=1 / 6, growth=1 / 6, offset=0.5),
    "identity": Stretch(),
}
#: Rearrangements and parts of a value; nothing in them is added up or repeated.
_ARRANGING: Final = (
    "flatten",
    "view",
    "reshape",
    "contiguous",
    "squeeze",
    "unsqueeze",
    "permute",
    "transpose",
    "unflatten",
)


def stretch_of(name: str, arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch | None:
    """What the function called ``name`` does; None where it is not known.

    Args:
        name: in small letters without underscores at the end, for example ``"maxpool2d"`` or ``"relu"``.
        arguments: its settings by PyTorch's names.
        in_shape, out_shape: of its input and output, batch included.

    Raises:
        ModelError: it is known, but these settings have no bound.
    """
    if name in _ELEMENTWISE:
        return _ELEMENTWISE[name]
    if name in _ARRANGING:
        _keeps_inputs_apart(name, arguments, in_shape)
        return Stretch()
    handler = _HANDLERS.get(name)
    return None if handler is None else handler(arguments, in_shape, out_shape)


def _keeps_inputs_apart(name: str, arguments: Arguments, in_shape: Sequence[int]) -> None:
    moved = {"permute": arguments.get("dims", ()), "transpose": (arguments.get("dim0"), arguments.get("dim1"))}.get(
        name
    )
    if moved is None or in_shape[0] == 1:
        return
    places = [place % len(in_shape) for place in moved]
    if (name == "permute" and places[0] != 0) or (name == "transpose" and 0 in places):
        raise ModelError("it moves the batch axis, expected one input a row throughout")


def _leaky(arguments: Arguments, *_: object) -> Stretch:
    return _same(max(1.0, abs(arguments.get("negative_slope", 0.01))))


def _elu(arguments: Arguments, *_: object) -> Stretch:
    return _same(max(1.0, abs(arguments.get("alpha", 1.0))))


def _dropout(arguments: Arguments, *_: object) -> Stretch:
    if arguments.get("training", False):
        raise ModelError("it drops values at random, expected evaluation mode")
    return Stretch()


def _mean(arguments: Arguments, in_shape: Sequence[int], _: object) -> Stretch:
    dims = arguments.get("dim")
    if dims is None:
        dims = range(len(in_shape))
    places = {place % len(in_shape) for place in ([dims] if isinstance(dims, int) else dims)}
    if 0 in places and in_shape[0] != 1:
        raise ModelError("it averages over the inputs of a batch, expected each input for itself")
    return _same(1 / sqrt(prod(in_shape[place] for place in places)))


def _pad(arguments: Arguments, *_: object) -> Stretch:
    if arguments.get("mode", "constant") != "constant" or arguments.get("value") not in (None, 0, 0.0):
        raise ModelError("it pads with other values than zeros, expected zeros")
    return Stretch()


def _avg_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
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
    return _same(factor)


def _adaptive_avg_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
    count = len(_axes(in_shape, out_shape, arguments))
    factor = 1.0
    for size, wanted in zip(in_shape[-count:], out_shape[-count:], strict=True):
        pooled = F.adaptive_avg_pool1d(torch.eye(size, dtype=torch.float64)[None], wanted)
        factor *= float(spectral_norm(pooled[0]))
    return _same(factor)


def _max_pool(arguments: Arguments, in_shape: Sequence[int], out_shape: Sequence[int]) -> Stretch:
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
    return _same(sqrt(shared))


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


def _with_axes(handler: Callable[[Arguments, Sequence[int], Sequence[int]], Stretch], axes: int) -> _Handler:
    return lambda arguments, in_shape, out_shape: handler({**arguments, "axes": axes}, in_shape, out_shape)


_Handler = Callable[[Arguments, Sequence[int], Sequence[int]], Stretch]
_HANDLERS: Final[dict[str, _Handler]] = {
    "leakyrelu": _leaky,
    "elu": _elu,
    "dropout": _dropout,
    "dropout1d": _dropout,
    "dropout2d": _dropout,
    "dropout3d": _dropout,
    "mean": _mean,
    "pad": _pad,
}
for _count in (1, 2, 3):
    _HANDLERS[f"avgpool{_count}d"] = _with_axes(_avg_pool, _count)
    _HANDLERS[f"maxpool{_count}d"] = _with_axes(_max_pool, _count)
    _HANDLERS[f"adaptiveavgpool{_count}d"] = _with_axes(_adaptive_avg_pool, _count)


def broadcast_factor(value: Tensor | Sequence[int], out_shape: Sequence[int]) -> float:
    """By what a value's norm grows when it is repeated to ``out_shape``: the root of the number of repeats."""
    count = value.numel() if isinstance(value, Tensor) else prod(value)
    return sqrt(prod(out_shape) / count) if count else 1.0
