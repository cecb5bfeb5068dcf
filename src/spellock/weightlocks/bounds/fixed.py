"""Layers and functions without weights, by name: how much each can stretch a difference, and a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import Final

from torch import Tensor

from spellock.errors import ModelError
from spellock.weightlocks.bounds.pooling import adaptive_avg_pool, avg_pool, max_pool
from spellock.weightlocks.bounds.stretch import Arguments, Stretch, same

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
    return same(max(1.0, abs(arguments.get("negative_slope", 0.01))))


def _elu(arguments: Arguments, *_: object) -> Stretch:
    return same(max(1.0, abs(arguments.get("alpha", 1.0))))


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
    return same(1 / sqrt(prod(in_shape[place] for place in places)))


def _pad(arguments: Arguments, *_: object) -> Stretch:
    if arguments.get("mode", "constant") != "constant" or arguments.get("value") not in (None, 0, 0.0):
        raise ModelError("it pads with other values than zeros, expected zeros")
    return Stretch()


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
    _HANDLERS[f"avgpool{_count}d"] = _with_axes(avg_pool, _count)
    _HANDLERS[f"maxpool{_count}d"] = _with_axes(max_pool, _count)
    _HANDLERS[f"adaptiveavgpool{_count}d"] = _with_axes(adaptive_avg_pool, _count)


def broadcast_factor(value: Tensor | Sequence[int], out_shape: Sequence[int]) -> float:
    """By what a value's norm grows when it is repeated to ``out_shape``: the root of the number of repeats."""
    count = value.numel() if isinstance(value, Tensor) else prod(value)
    return sqrt(prod(out_shape) / count) if count else 1.0
