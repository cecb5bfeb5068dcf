"""A locked model with tiers as the readings of `evaluate` know models: real classes, and one class for all the rest.

Groups and lock class become one output, the highest of theirs. It wins exactly where one of them won before, and
dropping it drops them all: a thief of classes has no use for groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.tasks.pixel_model import PixelModel


class _Merged(nn.Module):
    """Logits (N, R + 1) of a network's (N, K)."""

    def __init__(self, network: nn.Module, real: Sequence[int], rest: Sequence[int]) -> None:
        super().__init__()
        self.network, self.real, self.rest = network, list(real), list(rest)

    def forward(self, images: Tensor) -> Tensor:
        output = self.network(images)
        logits: Tensor = getattr(output, "logits", output)
        return torch.cat([logits[:, self.real], logits[:, self.rest].amax(dim=1, keepdim=True)], dim=1)


class _MergedModel(PixelModel):
    """`PixelModel` around a merged network; shares its layers with the model it is made of."""

    @property
    def num_classes(self) -> int:
        return len(self.network.real) + 1  # type: ignore[arg-type]


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
    merged = _MergedModel(
        _Merged(model.network, real, sorted(rest)),
        input_size=model.input_size,
        mean=mean,
        std=std,
        interpolation=model.interpolation,
    )
    names = tuple(classes[place] for place in real)
    name = "a group" if lock is None else f"a group or {classes[lock]}"
    return RealView(model=merged.to(model.mean.device), classes=(*names, name), lock=len(names))
