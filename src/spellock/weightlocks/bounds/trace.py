"""A network taken apart by `torch.fx`, with the shape of every value for given inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, fx, nn

from spellock.errors import ModelError
from spellock.weightlocks.bounds.layernorm import LayerNormCall
from spellock.weightlocks.bounds.signature import called_name

_PLAIN: Final = (int, float, str, type(None), torch.dtype, torch.device, torch.Size)


@dataclass(frozen=True, kw_only=True)
class Trace:
    """The nodes of a network and of its changed version.

    Attributes:
        graph, other: both networks, traced.
        modules, other_modules: the layers of both, by the names that nodes use.
        shapes: of every node that gives a tensor.
        norms: of every node that gives one row an input: its norms in both networks, (N,) each.
        plain: what the other nodes give: sizes and numbers.
        fixed: tensors that do not depend on the inputs, in both networks: parameters, and what is computed of them.
        closest: of every node that is a LayerNorm, the smallest sum over places of its spreads in both networks, (N,).
    """

    graph: fx.GraphModule
    other: fx.GraphModule
    modules: dict[str, nn.Module]
    other_modules: dict[str, nn.Module]
    shapes: dict[fx.Node, tuple[int, ...]]
    norms: dict[fx.Node, tuple[Tensor, Tensor]]
    plain: dict[fx.Node, Any]
    fixed: dict[fx.Node, tuple[Tensor, Tensor]]
    closest: dict[fx.Node, Tensor]


class _Runner(fx.Interpreter):
    """Runs a network once; keeps the shape and the norms of every tensor, and every plain number."""

    def __init__(self, graph: fx.GraphModule, count: int) -> None:
        super().__init__(graph)
        # Our sentence is the message, without the interpreter's words around it.
        self.extra_traceback = False
        self.count = count
        self.shapes: dict[fx.Node, tuple[int, ...]] = {}
        self.norms: dict[fx.Node, Tensor] = {}
        self.plain: dict[fx.Node, Any] = {}
        self.fixed: dict[fx.Node, Tensor] = {}
        self.spreads: dict[fx.Node, Tensor] = {}
        self._versions: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        for source in n.all_input_nodes:
            # What was bounded for it holds for the value that it had.
            if source in self._versions and self.env[source]._version != self._versions[source]:
                raise ModelError(
                    f"no bound for node {n.name!r} ({n.target}): it takes {source.name!r}, which was changed in place "
                    "before; make that layer or operation one that gives a new tensor"
                )
        module = self.submodules.get(str(n.target)) if n.op == "call_module" else None
        call = LayerNormCall.of(n, called_name(n, module), module)
        if call is not None and n.all_input_nodes:
            self.spreads[n] = call.spreads(self.env[n.all_input_nodes[0]])
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self._versions[n] = value._version
            sources = n.all_input_nodes
            if n.op == "get_attr" or (sources and all(each in self.fixed for each in sources)):
                self.fixed[n] = value.detach().double()
            self.shapes[n] = tuple(value.shape)
            if value.dim() and len(value) == self.count:
                self.norms[n] = value.flatten(1).norm(dim=1) if value.dim() > 1 else value.abs()
        elif n.op != "output":
            flat = value if isinstance(value, tuple | list) else (value,)
            if not all(isinstance(each, _PLAIN) for each in flat):
                raise ModelError(
                    f"no bound for node {n.name!r} ({n.target}): it gives several values, expected one tensor"
                )
            self.plain[n] = value
        return value


def trace(base: nn.Module, other: nn.Module, inputs: Tensor) -> Trace:
    """Take ``base`` apart and run both once on ``inputs``; names in the result begin with ``0.``.

    Raises:
        ModelError: the network cannot be traced, takes something else, one of its nodes gives several tensors, or takes
            a value that was changed in place after it was given.
    """
    graph, changed_graph = _traced(base), _traced(other)
    # Numbers that are computed of buffers stand in the nodes themselves.
    if str(graph.graph) != str(changed_graph.graph):
        raise ModelError(
            f"{type(base).__name__} takes another way with the changed weights, or computes numbers of its buffers; "
            "bounds need a network that does the same with both"
        )
    runner = _Runner(graph, len(inputs))
    changed = _Runner(changed_graph, len(inputs))
    with torch.no_grad():
        runner.run(inputs.clone())
        changed.run(inputs.clone())
    other_nodes = dict(zip(graph.graph.nodes, changed_graph.graph.nodes, strict=True))
    return Trace(
        graph=graph,
        other=changed_graph,
        modules=dict(graph.named_modules()),
        other_modules=dict(changed_graph.named_modules()),
        shapes=runner.shapes,
        norms={node: (norm, changed.norms[other_nodes[node]]) for node, norm in runner.norms.items()},
        plain=runner.plain,
        fixed={node: (value, changed.fixed[other_nodes[node]]) for node, value in runner.fixed.items()},
        closest={
            node: (spreads + changed.spreads[other_nodes[node]]).amin(1) for node, spreads in runner.spreads.items()
        },
    )


def _traced(network: nn.Module) -> fx.GraphModule:
    # A layer that is a network by itself would be taken apart too, were it not inside another module. Each of the two
    # networks is traced by itself, for the tracer computes at once what depends on buffers alone.
    try:
        return fx.symbolic_trace(nn.Sequential(network))
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"{type(network).__name__} cannot be traced: {reason[:160]}; "
            "bounds need a network without branches on values"
        ) from error
