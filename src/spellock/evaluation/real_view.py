"""A locked model with tiers as the readings of `evaluate` know models: real classes, and one class for all the rest.

Groups and lock class become one output, the highest of theirs. It wins exactly where one of them won before, and
dropping it drops them all: a thief of classes has no use for groups.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.tasks.heads import head_width
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True)
class _Merge:
    """A forward hook: logits (N, R + 1) in the place of a network's (N, K).

    Logits of another width come from a new classifier, which knows real classes alone, and stay.
    """

    real: tuple[int, ...]
    rest: tuple[int, ...]

    @property
    def width(self) -> int:
        """K."""
        return len(self.real) + len(self.rest)

    def __call__(self, _: nn.Module, __: object, output: object) -> object:
        logits = getattr(output, "logits", output)
        if not isinstance(logits, Tensor) or logits.shape[1] != self.width:
            return output
        return torch.cat([logits[:, self.real], logits[:, self.rest].amax(dim=1, keepdim=True)], dim=1)


def _merged(network: nn.Module, merge: _Merge) -> nn.Module:
    """``network`` with its logits merged. It shares the layers, under the names that they have, so that attacks find
    stages, classifier and places of weights as in any other network."""
    merged = copy.copy(network)
    for kept in ("_modules", "_parameters", "_buffers", "_forward_hooks"):
        # Own tables: a hook or a new classifier here must not reach the network that it is made of.
        setattr(merged, kept, OrderedDict(getattr(network, kept)))
    merged.register_forward_hook(merge)
    return merged


class _MergedModel(PixelModel):
    """`PixelModel` around a merged network; shares its layers with the model it is made of."""

    merge: _Merge

    @property
    def num_classes(self) -> int:
        width = head_width(self.network)
        return len(self.merge.real) + 1 if width == self.merge.width else width


@dataclass(frozen=True, kw_only=True)
class RealView:
    """The model, its class names and the place of the merged class."""

    model: PixelModel
    classes: tuple[str, ...]
    lock: int


def real_view(model: PixelModel, classes: Sequence[str], groups: Sequence[int], lock: int | None) -> RealView:
    """``model`` with the classes at ``groups``, and the lock class where there is one, merged into a last one.

    Raises:
        ModelError: a group is no class of the model or is its lock class, or no real class is left.
    """
    rest = {*groups} if lock is None else {*groups, lock}
    if not groups or lock in groups or not rest < set(range(len(classes))):
        raise ModelError(
            f"got groups {sorted(groups)} and lock class {lock}, expected some but not all of the model's "
            f"{len(classes)} classes, and the lock class none of the groups"
        )
    real = [place for place in range(len(classes)) if place not in rest]
    mean, std = model.mean_std
    merge = _Merge(tuple(real), tuple(sorted(rest)))
    merged = _MergedModel(
        _merged(model.network, merge),
        input_size=model.input_size,
        mean=mean,
        std=std,
        interpolation=model.interpolation,
    )
    merged.merge = merge
    names = tuple(classes[place] for place in real)
    name = "a group" if lock is None else f"a group or {classes[lock]}"
    return RealView(model=merged.to(model.mean.device), classes=(*names, name), lock=len(names))
