"""Put the key back into a keyed model, in memory; the keyed model's digest is checked first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.deltas import differences, opened
from spellock.weightlocks.digest import check_digests, digest_of
from spellock.weightlocks.outside import is_as_before
from spellock.weightlocks.places import check_fits
from spellock.weightlocks.states import ModuleState, State
from spellock.weightlocks.value_coding import holds_deltas, rounded
from spellock.weightlocks.weight_key import WeightKey


def unlock_module(module: nn.Module, key: WeightKey, *, check: bool = True) -> None:
    """Turn a keyed model into the whole one, in place.

    Args:
        check: refuse a model that is not the key's. Without it a wrong or old key gives a model that predicts badly,
            and a key of deltas adds them to whatever stands there.

    Raises:
        ConfigError: the model has not the tensors of the key.
        ModelError: ``check``, and the model is another one or was altered.
    """
    state = ModuleState(module, known=key.digests)
    check_key(state, key, check=check, what="the model")
    _put(state, key, key.values)


@contextmanager
def unlocked(module: nn.Module, key: WeightKey, *, check: bool = True) -> Iterator[nn.Module]:
    """The whole model within a ``with`` block, the keyed one again after it. Raises what `unlock_module` raises.

    Within the block the model may go to another device or another floating dtype: it is keyed again there.
    """
    state = ModuleState(module, known=key.digests)
    check_key(state, key, check=check, what="the model")
    fill = {name: place.take(state.tensors[name]) for name, place in key.places.items()}
    try:
        _put(state, key, key.values)
        yield module
    finally:
        # Asked for anew: a module that was moved has other tensors than before.
        tensors = ModuleState(module, known=key.digests).tensors
        for name, place in key.places.items():
            place.put(tensors[name], fill[name].to(tensors[name].dtype))


def check_key(state: State, key: WeightKey, *, check: bool = True, what: str) -> None:
    """Refuse a keyed model that the key does not fit or, with ``check``, was not made with.

    Raises:
        ConfigError, ModelError: as in `unlock_module`.
    """
    check_fits(key.places, state.infos, what=what)
    if check:
        check_digests(state, key.digests, what=what)


def check_outside(state: State, key: WeightKey, *, what: str) -> None:
    """Refuse an unlocked model that differs from the keyed one anywhere but in the key's places.

    Raises:
        ConfigError: the model has not the tensors of the key, or the key is a part of one.
        ModelError: a byte outside the key has changed; the message names the tensors.
    """
    infos = state.infos
    check_whole(key)
    check_fits(key.places, infos, what=what)
    changed = [
        name
        for name in key.digests
        if name not in infos
        or (
            not is_as_before(key.places[name], state[name], key.outside[name], key)
            if name in key.places
            else digest_of(infos[name], state[name]) != key.digests[name]
        )
    ]
    if changed or infos.keys() - key.digests.keys():
        names = sorted(changed or infos.keys() - key.digests.keys())
        raise ModelError(
            f"{what} differs from the keyed model outside the key, in {', '.join(names[:3])} and {len(names)} tensors "
            "in all; confine its training to the key, see docs/weightlocks.md"
        )


def check_whole(key: WeightKey) -> None:
    """Refuse a part of a key where one is to be trained in.

    Raises:
        ConfigError: it is a part.
    """
    if key.is_part:
        raise ConfigError("got a part of a key to train in, expected a whole key; a part opens a model and no more")


def check_unlocked(state: State, key: WeightKey, *, what: str) -> None:
    """Refuse a model that still has the fill in all of the key's places: training would begin with noise.

    Raises:
        ConfigError: it is the keyed model, and the key would change it.
    """
    for name, place in key.places.items():
        if digest_of(place.info, state[name]) != key.digests[name]:
            return
    for name, place in key.places.items():
        there = place.take(state[name]).cpu()
        if not torch.equal(opened(place, key.values[name], there, key.coding), there):
            raise ConfigError(
                f"{what} is still the keyed one, expected the whole model; open it with "
                "spellock.weightlocks.unlocking.unlock_module(model, key) before its training is confined"
            )


def key_values(state: State, key: WeightKey, standing: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What a key holds that opens the model as it is now, by tensor, rounded as its file holds it; on the CPU.

    Args:
        standing: what stands in the keyed model where ``key`` holds deltas; `deltas.standing_values`.

    Raises:
        ConfigError: a value cannot be rounded; see `spellock.weightlocks.value_coding.rounded`.
    """
    found = {}
    for name, place in key.places.items():
        values = place.take(state[name]).cpu()
        if name in standing:
            values = differences(values, standing[name])
        found[name] = rounded(values, place.info, key.coding)
    return found


def _put(state: ModuleState, key: WeightKey, values: Mapping[str, Tensor]) -> None:
    for name, place in key.places.items():
        tensor = state.tensors[name]
        deltas = holds_deltas(place.info, key.coding)
        place.put(tensor, opened(place, values[name], place.take(tensor), key.coding) if deltas else values[name])
