"""Features of a network after each third of its depth, heard while it works: what a thief's probe would read there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.tasks.heads import find_head, pool
from spellock.training.alone import Passes
from spellock.training.optimiser import block_of

#: Stages where the network has blocks enough.
STAGES = 3


def stage_names(network: nn.Module) -> tuple[str, ...]:
    """Modules whose outputs are the stages, the classifier last, whose *input* is the last stage.

    The numbered blocks, in the order of registration and without the classifier, are cut into thirds; a stage is what
    the last block of a third gives, and the last one what the classifier sees. So ResNet-20 (nine blocks) has its three
    stages, MobileNetV1 (13) ends after blocks 5 and 9, a ViT-B (12) after blocks 4 and 8. A network without numbered
    blocks has the last stage only.

    Raises:
        ModelError: the network has no classifier layer.
    """
    head, _ = find_head(network)
    found = (block_of(name) for name, _ in network.named_parameters() if not name.startswith(f"{head}."))
    blocks = list(dict.fromkeys(block for block in found if block is not None and block != head))
    cuts = [-(-len(blocks) * part // STAGES) - 1 for part in range(1, STAGES)] if blocks else []
    return (*dict.fromkeys(blocks[cut] for cut in cuts), head)


@dataclass(frozen=True)
class Heard:
    """What was heard of each stage: one pooled tensor (N, D) a pass."""

    passes: tuple[list[Tensor], ...]

    def in_order(self, alone: NDArray[np.bool_]) -> tuple[Passes, ...]:
        """By stage, for the images of a batch of which those ``alone``, bool (B,), had a pass of their own.

        Raises:
            ModelError: a stage's module did not work exactly once a pass.
        """
        expected = 2 if alone.any() else 1
        for heard in self.passes:
            if len(heard) != expected:
                raise ModelError(
                    f"a stage was heard {len(heard)} times in {expected} passes, expected once each; regularisers need "
                    "a network that uses its numbered blocks and its classifier layer once"
                )
        return tuple(Passes(tuple(heard), alone) for heard in self.passes)


class Stages:
    """The stages of a network; listening is on within `listening` only.

    Raises:
        ModelError: the network has no classifier layer.
    """

    def __init__(self, network: nn.Module) -> None:
        modules = dict(network.named_modules())
        self.names = stage_names(network)
        self._blocks = [modules[name] for name in self.names[:-1]]
        self._head = modules[self.names[-1]]

    @contextmanager
    def listening(self) -> Iterator[Heard]:
        """Hear every pass within the context."""
        heard = Heard(tuple([] for _ in self.names))

        def after(into: list[Tensor], given: object) -> None:
            into.append(_pooled(given))

        handles = [
            block.register_forward_hook(lambda _, __, output, into=into: after(into, output))
            for block, into in zip(self._blocks, heard.passes, strict=False)
        ]
        last = heard.passes[-1]
        handles.append(self._head.register_forward_pre_hook(lambda _, arguments: after(last, arguments[0])))
        try:
            yield heard
        finally:
            for handle in handles:
                handle.remove()


def _pooled(given: object) -> Tensor:
    """(N, D) of a map (N, D, H, W), or (N, H, W, D) where the sides say so, of tokens (N, T, D) or vectors."""
    first = given[0] if isinstance(given, tuple | list) else given
    if not isinstance(first, Tensor):
        raise ModelError(f"a stage gave {type(first).__name__}, expected a tensor; regularisers need another network")
    # Images are squares, so channels are the side that differs; some transformers have it last.
    if first.ndim == 4 and first.shape[1] == first.shape[2] != first.shape[3]:
        return first.mean((1, 2))
    return pool(first)
