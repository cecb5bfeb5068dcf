"""Bounds carried through a traced network, node by node.

Beside every value h (of the network) and h' (of the changed one) stand, for each input of a batch, upper bounds of
||h||, ||h'|| and ||h' - h||. Layers with weights change them as `norms.through` says, functions without as their
`Stretch`; sums add them, and joins add their squares.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod, sqrt
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from spellock.errors import ModelError
from spellock.weightlocks.bounds.fixed import broadcast_factor, stretch_of
from spellock.weightlocks.bounds.norms import Layer, Norms, through
from spellock.weightlocks.bounds.operators import AffineNorms, layer_norms
from spellock.weightlocks.bounds.signature import arguments_of, called_name
from spellock.weightlocks.bounds.trace import Trace

_ADDING: Final = ("add", "iadd", "sub", "isub")
_SCALING: Final = ("mul", "imul", "truediv", "div")
_JOINING: Final = ("cat", "concat", "stack")
_INDEX: Final = (int, slice, type(None), type(Ellipsis))


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
        self._shapes = traced.shapes
        self.layers: list[Layer] = []
        self._seen: dict[fx.Node, Norms] = {}
        for node in self._trace.graph.graph.nodes:
            if node.op == "placeholder":
                self._seen[node] = Norms(base=input_norms, other=input_norms, change=torch.zeros_like(input_norms))
            elif node.op == "output":
                self.result = self._output(node)
            elif node in self._shapes and node.op != "get_attr":
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
                "pooling and elementwise layers, sums and joins"
            )
        if not shape or shape[0] != self._count:
            raise ModelError(f"node {node.name!r} ({name}) changes the batch axis, expected one input a row throughout")
        return found

    def _bound(self, node: fx.Node, name: str, module: nn.Module | None, shape: tuple[int, ...]) -> Norms | None:
        if module is not None:
            affine = layer_norms(module, self._trace.other_modules[str(node.target)], shape)
            if affine is not None:
                return self._through(self._one(node), affine, name=str(node.target), kind=type(module).__name__)
        if name in _ADDING:
            return self._sum(node, shape)
        if name in _SCALING:
            return self._scaled(node, name, shape)
        if name in _JOINING:
            return self._joined(node)
        if name == "getitem":
            return self._part(node)
        source = self._one(node)
        arguments = arguments_of(node, name, module)
        stretch = stretch_of(name, arguments, self._shapes[self._input(node)], shape)
        if stretch is None:
            return None
        offset = stretch.offset * sqrt(prod(shape[1:]))
        return Norms(
            base=source.base * stretch.growth + offset,
            other=source.other * stretch.growth + offset,
            change=source.change * stretch.lipschitz,
        )

    def _through(self, source: Norms, affine: AffineNorms, *, name: str, kind: str) -> Norms:
        added = affine.change * source.base + affine.offset_change
        self.layers.append(Layer(name=name.removeprefix("0."), kind=kind, norms=affine, added=added))
        return through(source, affine)

    def _sum(self, node: fx.Node, shape: tuple[int, ...]) -> Norms:
        if set(node.kwargs) - {"alpha", "other", "input"} or node.kwargs.get("alpha", 1) != 1:
            raise ModelError("it adds with a factor, expected a plain sum")
        parts = [self._value(value, shape) for value in (*node.args, *node.kwargs.values()) if value is not None]
        return parts[0].combine(parts[1:], lambda stacked: stacked.sum(0))

    def _scaled(self, node: fx.Node, name: str, shape: tuple[int, ...]) -> Norms | None:
        values = [value for value in node.args if not (isinstance(value, fx.Node) and value in self._seen)]
        tensors = [value for value in node.args if isinstance(value, fx.Node) and value in self._seen]
        if len(tensors) != 1 or len(values) != 1 or node.kwargs:
            raise ModelError("it multiplies two values that depend on the input, which has no bound")
        source = self._seen[tensors[0]].times(self._repeats(tensors[0], shape))
        if name in ("truediv", "div") and node.args[0] is values[0]:
            raise ModelError("it divides by a value that depends on the input, which has no bound")
        one, two = self._constant(values[0])
        if name in ("truediv", "div"):
            one, two = one.reciprocal(), two.reciprocal()
        affine = AffineNorms(
            base=float(one.abs().amax()), other=float(two.abs().amax()), change=float((two - one).abs().amax())
        )
        if not bool(one.equal(two)):
            return self._through(source, affine, name=node.name, kind="scale")
        return source.times(affine.base)

    def _joined(self, node: fx.Node) -> Norms:
        dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        parts = node.args[0] if node.args else node.kwargs["tensors"]
        if not isinstance(parts, tuple | list) or not isinstance(dim, int):
            raise ModelError("it joins something else than a list of values along one axis")
        norms = [self._value(part, ()) for part in parts]
        rank = len(self._shapes[node])
        if dim % rank == 0:
            raise ModelError("it joins along the batch axis, expected one input a row throughout")
        return norms[0].combine(norms[1:], lambda stacked: stacked.norm(dim=0))

    def _part(self, node: fx.Node) -> Norms:
        index = node.args[1]
        index = index if isinstance(index, tuple | list) else (index,)
        if not all(isinstance(each, _INDEX) for each in index):
            raise ModelError("it is indexed by a tensor, which may repeat values, expected numbers and slices")
        if index and not (index[0] is Ellipsis or index[0] == slice(None)) and self._count != 1:
            raise ModelError("it takes a part of the batch axis, expected one input a row throughout")
        return self._one(node)

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
        if isinstance(value, fx.Node) and value.op == "get_attr":
            return self._trace.constants(value)
        if isinstance(value, fx.Node):
            value = self._trace.plain.get(value)
        if not isinstance(value, int | float):
            raise ModelError("it takes an operand that is neither a value, a parameter nor a number")
        number = torch.tensor(float(value), dtype=torch.float64)
        return number, number

    def _input(self, node: fx.Node) -> fx.Node:
        source = node.args[0] if node.args else node.kwargs.get("input")
        if not isinstance(source, fx.Node) or source not in self._seen:
            raise ModelError("its input does not come from the network's input, or is not one tensor")
        return source

    def _one(self, node: fx.Node) -> Norms:
        return self._seen[self._input(node)]
