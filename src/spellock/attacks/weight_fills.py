"""Put the public pretrained weights where the key was, and train what is missing on a few labelled examples.

The thief of a weight lock has the keyed model and, most often, the public model it came from. Where updates were
confined to the key, the fill gives back the public model and no more; where everything was fine-tuned, what is outside
the key still carries the owner's work. Fair figures stand beside the same training from the public model alone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import get_args

import numpy as np
import torch
from torch import Tensor, nn

from spellock.attacks.fitting import without_batch_statistics
from spellock.attacks.weight_places import Granularity
from spellock.errors import ConfigError
from spellock.weightlocks.places import Place, units_of
from spellock.weightlocks.states import ModuleState, State


def guessed_places(state: State, scores: Mapping[str, Tensor], share: float) -> dict[str, Place]:
    """The most suspicious units of each tensor as places to fill.

    Args:
        scores: (U,) by name, see `spellock.attacks.weight_places`; U is the number of rows, of blocks, or of
            values.
        share: of each tensor's units, in (0, 1]; at least one unit.

    Raises:
        ConfigError: ``share`` is out of range, or scores are neither a filter's, a row's nor a value's.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"got a share of {share} of the units, expected more than 0 and at most 1")
    places = {}
    for name, found in scores.items():
        info = state.infos[name]
        unit = info.scalars // max(len(found), 1)
        known = {units_of(info, granularity) for granularity in get_args(Granularity)}
        if len(found) * unit != info.scalars or unit not in known:
            raise ConfigError(
                f"got {len(found)} scores for {name} of shape {info.shape}, expected one a row, a block or a value"
            )
        best = found.argsort(descending=True, stable=True)[: max(1, int(share * len(found)))]
        places[name] = Place(name=name, info=info, unit=unit, indices=np.sort(best.numpy()))
    return places


def filled_from_public(keyed: nn.Module, public: State, places: Mapping[str, Place]) -> nn.Module:
    """A copy of ``keyed`` with the public model's values in ``places``.

    Tensors that the public model lacks or has in another shape, such as a new classifier, keep what stands there.
    """
    model = copy.deepcopy(keyed)
    own = ModuleState(model)
    for name, place in places.items():
        if public.infos.get(name) == own.infos[name]:
            place.put(own.tensors[name], place.take(public[name]))
    return model


def fine_tuned(
    model: nn.Module,
    inputs: Tensor,
    labels: Tensor,
    *,
    steps: int,
    learning_rate: float,
    batch_size: int = 32,
    weight_decay: float = 0.01,
    seed: int = 0,
) -> nn.Module:
    """A copy of ``model`` with all its weights trained on the thief's labelled examples (AdamW, cosine schedule).

    Args:
        inputs: (N, ...) as ``model`` takes them, on the device to train on.
        labels: int64 (N,).
        batch_size: examples a step; the last ones of a pass may be fewer, but one alone has company where there is any.
        steps: optimiser steps; examples are drawn anew in every pass over them.
        seed: of the order of the examples; the global random state stays untouched.

    Raises:
        ConfigError: there are no examples, or not as many labels as inputs.
    """
    if not len(inputs) or len(inputs) != len(labels):
        raise ConfigError(
            f"got {len(inputs)} examples and {len(labels)} labels, expected as many of both, at least one"
        )
    model = copy.deepcopy(model).to(inputs.device)
    for parameter in model.parameters():
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    generator = torch.Generator().manual_seed(seed)
    model.train()
    if len(inputs) == 1:
        without_batch_statistics(model)
    left: list[Tensor] = []
    for _ in range(steps):
        left = left or _batches(torch.randperm(len(inputs), generator=generator), batch_size)
        chosen = left.pop().to(inputs.device)
        loss = nn.functional.cross_entropy(model(inputs[chosen]), labels[chosen].to(inputs.device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def _batches(order: Tensor, size: int) -> list[Tensor]:
    """Batches of a pass. One example alone would have no batch statistics."""
    return [one if len(one) > 1 or len(order) == 1 else torch.cat([one, order[:1]]) for one in order.split(size)]
