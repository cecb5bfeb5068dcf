"""Bounds carried through a traced network, node by node.

Beside every value h (of the network) and h' (of the changed one) stand, for each input of a batch, upper bounds of
||h||, ||h'|| and ||h' - h||. Layers with weights change them as `norms.through` says, functions without as their
`Stretch`; sums add them, joins add their squares, and products are `Norms.product`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from spellock.errors import ModelError
from spellock.weightlocks.bounds.fixed import broadcast_factor, stretch_of
from spellock.weightlocks.bounds.functions import FUNCTIONS, Pair, gain_norms
from spellock.weightlocks.bounds.joins import check_part, joined_values
from spellock.weightlocks.bounds.layernorm import LayerNormCall, normalised
from spellock.weightlocks.bounds.norms import Layer, Norms, through, times
from spellock.weightlocks.bounds.operators import AffineNorms, layer_norms
from spellock.weightlocks.bounds.signature import arguments_of, called_name
from spellock.weightlocks.bounds.trace import Trace

_ADDING: Final = ("add", "iadd", "sub", "isub")
_SCALING: Final = ("mul", "imul", "truediv", "div")
_MULTIPLYING: Final = ("mul", "imul")
_JOINING: Final = ("cat", "concat", "stack")


class Walk:
    """Carries `Norms` through ``base``; `result` are those of its output, `layers` the layers met on the way.

    Args:
        traced: the network and its changed version.
        input_norms: float64 (N,).
        measured: take the sizes of values on the way from the run of `trace`, not from their bounds. What comes out
            then holds for those inputs, not for all of their norms.

    Raises:
        ModelError: a node has no bound; the message names it.
    """

    def __init__(self, traced: Trace, input_norms: Tensor, *, measured: bool = False) -> None:
        self._trace, self._count = traced, len(input_norms)
        self._shapes, self._measured = traced.shapes, measured
        self.layers: list[Layer] = []
        self._seen: dict[fx.Node, Norms] = {}
        for node in self._trace.graph.graph.nodes:
            if node.op == "placeholder":
                self._seen[node] = Norms(base=input_norms, other=input_norms, change=torch.zeros_like(input_norms))
            elif node.op == "output":
                self.result = self._output(node)
            elif node in self._shapes and node not in traced.fixed:
                found = self._visit(node)
                self._seen[node] = found.within(*traced.norms[node]) if measured else found

    def _output(self, node: fx.Node) -> Norms:
        value = node.args[0]
        if not isinstance(value, fx.Node) or value not in self._seen:
            raise ModelError("the network gives something else than one tensor, expected its logits alone")
        return self._seen[value]

    def _visit(self, node: fx.Node) -> Norms:
        module = self._trace.modules[str(node.target)] if node.op == "call_module" else None
        name, shape = called_name(node, module), self._shapes[node]
        try:
            found = self._bound(node, name, module, shape)
        except ModelError as error:
            raise ModelError(f"no bound for node {node.name!r} ({name}): {error}") from None
        if found is None:
            raise ModelError(
                f"no bound for node {node.name!r} ({name}); there are bounds for linear, convolution, BatchNorm, "
                "LayerNorm, pooling and elementwise layers, sums, products and joins"
            )
        if not shape or shape[0] != self._count:
            raise ModelError(f"node {node.name!r} ({name}) changes the batch axis, expected one input a row throughout")
        return found

    def _bound(self, node: fx.Node, name: str, module: nn.Module | None, shape: tuple[int, ...]) -> Norms | None:
        if module is not None:
            affine = layer_norms(module, self._trace.other_modules[str(node.target)], shape)
            if affine is not None:
                return self._through(self._one(node), affine, name=str(node.target), kind=type(module).__name__)
        call = LayerNormCall.of(node, name, module)
        if call is not None:
            return self._layer_norm(node, call, shape)
        if module is None and name in FUNCTIONS:
            affine = FUNCTIONS[name](node, partial(self._pair, node), shape)
            return self._through(self._one(node), affine, name=node.name, kind=name)
        if name in _ADDING:
            return self._sum(node, shape)
        if name in _SCALING:
            return self._scaled(node, name, shape)
        if name in _JOINING:
            norms = [self._value(part, ()) for part in joined_values(node, len(self._shapes[node]))]
            return norms[0].combine(norms[1:], lambda stacked: stacked.norm(dim=0))
        if name == "getitem":
            check_part(node, self._count)
            return self._one(node)
        stretch = stretch_of(name, arguments_of(node, name, module), self._shapes[self._input(node)], shape)
        return None if stretch is None else self._one(node).stretched(stretch, prod(shape[1:]))

    def _through(self, source: Norms, affine: AffineNorms, *, name: str, kind: str) -> Norms:
        added = times(affine.change, source.base) + affine.offset_change
        self.layers.append(Layer(name=name.removeprefix("0."), kind=kind, norms=affine, added=added))
        return through(source, affine)

    def _sum(self, node: fx.Node, shape: tuple[int, ...]) -> Norms:
        if set(node.kwargs) - {"alpha", "other", "input"} or node.kwargs.get("alpha", 1) != 1:
            raise ModelError("it adds with a factor, expected a plain sum")
        parts = [self._value(value, shape) for value in (*node.args, *node.kwargs.values()) if value is not None]
        return parts[0].combine(parts[1:], lambda stacked: stacked.sum(0))

    def _scaled(self, node: fx.Node, name: str, shape: tuple[int, ...]) -> Norms | None:
        tensors = [value for value in node.args if isinstance(value, fx.Node) and value in self._seen]
        values = [value for value in node.args if value not in tensors]
        if len(tensors) == 2 and name in _MULTIPLYING and not node.kwargs:
            for tensor in tensors:
                self._repeats(tensor, shape)  # refuses those without a row for each input
            return self._seen[tensors[0]].product(self._seen[tensors[1]])
        if len(tensors) != 1 or len(values) != 1 or node.kwargs:
            raise ModelError("it divides values that depend on the input, or scales in a way that has no bound")
        source = self._seen[tensors[0]].times(self._repeats(tensors[0], shape))
        if name not in _MULTIPLYING and node.args[0] is values[0]:
            raise ModelError("it divides by a value that depends on the input, which has no bound")
        one, two = self._constant(values[0])
        if name not in _MULTIPLYING:
            one, two = one.reciprocal(), two.reciprocal()
        affine = AffineNorms(
            base=float(one.abs().amax()), other=float(two.abs().amax()), change=float((two - one).abs().amax())
        )
        if not bool(one.equal(two)):
            return self._through(source, affine, name=node.name, kind="scale")
        return source.times(affine.base)

    def _value(self, value: Any, shape: Sequence[int]) -> Norms:
        """The norms of an operand, repeated to ``shape`` where that is given; constants are their own bound."""
        if isinstance(value, fx.Node) and value in self._seen:
            return self._seen[value].times(self._repeats(value, shape))
        one, two = self._constant(value)
        rows = torch.ones(self._count, dtype=torch.float64)
        if not shape:
            raise ModelError("it joins a constant to values, which has no bound yet")
        if one.dim() == len(shape) and one.shape[0] != 1:
            raise ModelError("it adds a constant of its own to each input of the batch, expected the same for all")
        factor = broadcast_factor(one, shape[1:])
        return Norms(
            base=rows * float(one.norm()) * factor,
            other=rows * float(two.norm()) * factor,
            change=rows * float((two - one).norm()) * factor,
        )

    def _repeats(self, node: fx.Node, shape: Sequence[int]) -> float:
        if not shape:
            return 1.0
        own = self._shapes[node]
        if len(own) != len(shape):
            raise ModelError("it combines values of different ranks, expected one input a row in both")
        return broadcast_factor(own[1:], shape[1:])

    def _constant(self, value: Any) -> tuple[Tensor, Tensor]:
        """A number, or a parameter or buffer of both networks."""
        if isinstance(value, fx.Node) and value in self._trace.fixed:
            return self._trace.fixed[value]
        if isinstance(value, fx.Node):
            value = self._trace.plain.get(value)
        if not isinstance(value, int | float):
            raise ModelError("it takes an operand that is neither a value, a parameter nor a number")
        number = torch.tensor(float(value), dtype=torch.float64)
        return number, number

    def _layer_norm(self, node: fx.Node, call: LayerNormCall, shape: tuple[int, ...]) -> Norms:
        places = prod(shape[1:]) // prod(call.shape)
        closest = self._trace.closest[node] if self._measured else None
        z = normalised(self._one(node), size=prod(call.shape), places=places, eps=call.eps, closest=closest)
        pairs = [self._pair(node, given) for given in (call.gain, call.bias)]
        name = str(node.target) if node.op == "call_module" else node.name
        return self._through(z, gain_norms(*pairs, places=places), name=name, kind="LayerNorm")

    def _pair(self, node: fx.Node, given: Any) -> Pair | None:
        """A parameter of both networks, by its node or by its name in the node's layer."""
        if given is None:
            return None
        if isinstance(given, str):
            one, two = (each[str(node.target)] for each in (self._trace.modules, self._trace.other_modules))
            return getattr(one, given).detach().double(), getattr(two, given).detach().double()
        return self._constant(given)

    def _input(self, node: fx.Node) -> fx.Node:
        source = node.args[0] if node.args else node.kwargs.get("input")
        if not isinstance(source, fx.Node) or source not in self._seen:
            raise ModelError("its input does not come from the network's input, or is not one tensor")
        return source

    def _one(self, node: fx.Node) -> Norms:
        return self._seen[self._input(node)]
