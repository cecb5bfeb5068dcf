"""The bound of a change of weights for a whole network, with what was measured beside it.

For f = W_L s(... s(W_1 x)) this is the telescoping bound
||f(x; W + D) - f(x; W)|| <= sum over l of [prod_{j>l} L ||W_j + D_j||] ||D_l|| [prod_{j<l} L ||W_j||] ||x||,
here with biases, convolutions, BatchNorm, shortcuts and joins, and at each layer with the better of its two sides.
It is an upper bound. It limits what a restricted update (key weights only) can lose against a full one; that a lock
destroys a model's accuracy it cannot prove, as that takes a lower bound: only evaluation shows it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.bounds.norms import Layer
from spellock.weightlocks.bounds.residual import Residual, chance_failure, residual
from spellock.weightlocks.bounds.trace import trace
from spellock.weightlocks.bounds.walk import Walk


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """One layer with weights.

    Attributes:
        name, kind: its name in the network and its class.
        norm, changed_norm: upper bounds of the operator's norm, before and after.
        change_norm: upper bound of the norm of the operators' difference.
        offset_change: size of the change of its bias, over all places of its output.
        added: upper bound of what the layer's own change adds to the difference at its output; the largest over inputs.
        residual: the change of its weights as a matrix; None for BatchNorm and single factors, which have none.
    """

    name: str
    kind: str
    norm: float
    changed_norm: float
    change_norm: float
    offset_change: float
    added: float
    residual: Residual | None


@dataclass(frozen=True, kw_only=True)
class ChangeBound:
    """What a change of weights can do to a network's outputs at most, and what it does.

    Attributes:
        layers: the layers with weights, in the order in which they are met.
        input_norms: ||x|| of each input.
        bound: upper bound of ||f(x; W') - f(x; W)|| for every input of that norm, for each input; infinite where it is
            beyond the largest number.
        bound_here: upper bound for these very inputs: sizes of the values on the way are measured, not bounded.
        measured: the same, measured in float64.
        output_norms: ||f(x; W)||, measured.
        t: parameter of the random matrices' bound.
        chance_failure: 2 exp(-t^2).
    """

    layers: tuple[LayerChange, ...]
    input_norms: tuple[float, ...]
    bound: tuple[float, ...]
    bound_here: tuple[float, ...]
    measured: tuple[float, ...]
    output_norms: tuple[float, ...]
    t: float
    chance_failure: float


def bound_change(model: nn.Module, changed: Mapping[str, Tensor], inputs: Tensor, *, t: float = 3.0) -> ChangeBound:
    """Bound and measure how far ``changed`` weights move the outputs of ``model``.

    Args:
        model: a network that `torch.fx` can trace, of linear, convolution, BatchNorm, LayerNorm, pooling and
            elementwise layers, sums, products, joins and rearrangements; it is copied, and used in evaluation mode.
            Not a `PixelModel`: its network.
        changed: the second set of weights, a whole state dict of ``model``: the keyed or locked model's.
        inputs: float (N, ...), what the network itself takes (normalised already).
        t: the random matrices' bound holds with probability 1 - 2 exp(-t^2) each.

    Raises:
        ModelError: the weights do not fit, the network cannot be traced, or one of its nodes has no bound (softmax,
            quotients of values); the message names it.
        ConfigError: there is no input, one is not finite, or ``t`` is negative.
    """
    if inputs.dim() < 2 or not len(inputs) or not torch.isfinite(inputs).all():
        raise ConfigError(f"got inputs of shape {tuple(inputs.shape)}, expected (N, ...), N above 0, finite numbers")
    if not t >= 0:
        raise ConfigError(f"got t = {t!r}, expected 0 or more")
    base = copy.deepcopy(model).to("cpu", torch.float64).eval()
    other = copy.deepcopy(base)
    try:
        other.load_state_dict(dict(changed))
    except RuntimeError as error:
        raise ModelError(f"the changed weights do not fit {type(model).__name__}; give its whole state dict") from error
    x = inputs.detach().to("cpu", torch.float64)
    one, two = (_outputs(network, x) for network in (base, other))
    traced, input_norms = trace(base, other, x), x.flatten(1).norm(dim=1)
    walk, closer = Walk(traced, input_norms), Walk(traced, input_norms, measured=True)
    weights, changed_weights = dict(base.named_parameters()), dict(other.named_parameters())
    layers = []
    for layer in walk.layers:
        name = f"{layer.name}.weight"
        matrix = name in weights and weights[name].dim() >= 2
        layers.append(_row(layer, residual(weights[name], changed_weights[name], t=t) if matrix else None))
    return ChangeBound(
        layers=tuple(layers),
        input_norms=_numbers(input_norms),
        bound=_numbers(walk.result.change),
        bound_here=_numbers(closer.result.change),
        measured=_numbers((two - one).flatten(1).norm(dim=1)),
        output_norms=_numbers(one.flatten(1).norm(dim=1)),
        t=t,
        chance_failure=chance_failure(t),
    )


def _outputs(network: nn.Module, inputs: Tensor) -> Tensor:
    try:
        with torch.no_grad():
            found = network(inputs.clone())
    except (RuntimeError, ValueError, AssertionError, IndexError, TypeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{type(network).__name__} does not take inputs of shape {tuple(inputs.shape)}: {reason[:160]}"
        ) from error
    if not isinstance(found, Tensor) or len(found) != len(inputs):
        raise ModelError(f"{type(network).__name__} gives something else than one tensor with a row for each input")
    return found


def _row(layer: Layer, change: Residual | None) -> LayerChange:
    return LayerChange(
        name=layer.name,
        kind=layer.kind,
        norm=layer.norms.base,
        changed_norm=layer.norms.other,
        change_norm=layer.norms.change,
        offset_change=layer.norms.offset_change,
        added=float(layer.added.amax()),
        residual=change,
    )


def _numbers(values: Tensor) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
