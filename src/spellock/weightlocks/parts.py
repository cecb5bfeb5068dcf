"""Parts of a key, which open less, how much less is to be measured, and what a customer's leaked model tells."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

from spellock.errors import ConfigError
from spellock.weightlocks.digest import digest_of
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import State
from spellock.weightlocks.value_coding import rounded
from spellock.weightlocks.weight_key import WeightKey


def part_of(key: WeightKey, share: float) -> WeightKey:
    """A key with the strongest ``share`` of each tensor's units only, as CoreLocker gives partial utility.

    The units are ranked by the L1 norm of their values. Places that the part leaves out keep their fill, so the part
    opens the same keyed model. How much a part opens differs between networks: next to
    nothing, or nearly all. A part opens a model; it cannot be trained in. It has a secret of its own, made of the
    key's: with the key's, whoever knows how the lock was made could draw the fill again, and so see where all of the
    key was taken out, or make the keyed model of another customer.

    Args:
        share: in (0, 1]; at least one unit of each tensor stays.

    Raises:
        ConfigError: ``share`` is out of range.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"got a share of the key of {share}, expected more than 0 and at most 1")
    places, values = {}, {}
    for name, place in key.places.items():
        count = max(1, math.floor(share * len(place.indices)))
        strength = key.values[name].double().abs().sum(1)
        kept = np.sort(strength.argsort(descending=True, stable=True)[:count].numpy())
        places[name] = Place(name=name, info=place.info, unit=place.unit, indices=place.indices[kept])
        values[name] = rounded(key.values[name][torch.from_numpy(kept)], place.info, key.coding)
    return key.replace(places=places, values=values, outside={}, secret=key.derive("part of the key"))


def whose(state: State, keys: Iterable[WeightKey]) -> list[tuple[str, float]]:
    """Whose keyed model ``state`` is: customers with the share of tensors of the key that are theirs byte for byte.

    Only tensors in which the keys' models differ are looked at, for statistics have one fill for all customers; where
    they differ in none, or there is one key, all are. Sorted, the likeliest first. A model that was trained further
    keeps those that the training left alone; one whose thief put the key in tells nothing.
    """
    given, infos, found = list(keys), state.infos, []
    digests: dict[str, set[str | None]] = {
        name: {key.digests.get(name) for key in given} for key in given for name in key.places
    }
    for key in given:
        places = {name: place for name, place in key.places.items() if len(digests[name]) > 1} or key.places
        same = [
            infos.get(name) == place.info and digest_of(place.info, state[name]) == key.digests[name]
            for name, place in places.items()
        ]
        found.append((key.customer, sum(same) / len(same)))
    return sorted(found, key=lambda pair: -pair[1])
