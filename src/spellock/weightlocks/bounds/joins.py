"""Nodes that join values or take parts of them, and keep each input of a batch for itself."""

from __future__ import annotations

from typing import Any, Final

from torch import fx

from spellock.errors import ModelError

_INDEX: Final = (int, slice, type(None), type(Ellipsis))


def joined_values(node: fx.Node, rank: int) -> list[Any]:
    """What a node joins to a value with ``rank`` axes.

    Raises:
        ModelError: it joins along the batch axis, or something else than a list of values.
    """
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    parts = node.args[0] if node.args else node.kwargs["tensors"]
    if not isinstance(parts, tuple | list) or not isinstance(dim, int):
        raise ModelError("it joins something else than a list of values along one axis")
    if dim % rank == 0:
        raise ModelError("it joins along the batch axis, expected one input a row throughout")
    return list(parts)


def check_part(node: fx.Node, count: int) -> None:
    """Refuse a node that may repeat values, or takes some of ``count`` inputs only.

    Raises:
        ModelError: it does.
    """
    index = node.args[1]
    index = index if isinstance(index, tuple | list) else (index,)
    if not all(isinstance(each, _INDEX) for each in index):
        raise ModelError("it is indexed by a tensor, which may repeat values, expected numbers and slices")
    if index and not (index[0] is Ellipsis or index[0] == slice(None)) and count != 1:
        raise ModelError("it takes a part of the batch axis, expected one input a row throughout")
