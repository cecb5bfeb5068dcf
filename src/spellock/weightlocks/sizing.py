"""The largest key whose file takes at most a share of the model: what an owner sends at every update."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from spellock.errors import ConfigError
from spellock.keystream import HasSecret
from spellock.weightlocks.outside import TAG_DIGITS
from spellock.weightlocks.places import Place
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.selection import select
from spellock.weightlocks.states import State, TensorInfo
from spellock.weightlocks.summary import summarise
from spellock.weightlocks.value_coding import EXACT

_STEPS: Final = 1000
_DIGEST: Final = 32
_TAG: Final = TAG_DIGITS // 2
#: Header, checksum, secret and settings of an encrypted file; an image key or a customer's name come on top.
_FRAME: Final = 600


def file_bytes(places: Mapping[str, Place], infos: Mapping[str, TensorInfo], *, coding: str = EXACT) -> int:
    """About the size of the key's file, to some hundred bytes: values, places, names and digests."""
    described = [[name, str(place.info.dtype), list(place.info.shape), place.unit] for name, place in places.items()]
    names = zlib.compress(json.dumps([described, sorted(infos.keys() - places.keys())]).encode(), 9)
    digests = _DIGEST * len(infos) + _TAG * sum(not place.whole for place in places.values())
    return summarise(places, infos, coding=coding).key_bytes + len(names) + digests + _FRAME


def at_most(state: State, config: SelectConfig, share: float, key: HasSecret, *, coding: str = EXACT) -> SelectConfig:
    """``config`` with the largest fraction, to a thousandth, whose key's file is at most ``share`` of the model.

    Args:
        share: of the model's bytes, in (0, 1].
        key: as in `spellock.weightlocks.selection.select`.

    Raises:
        ConfigError: ``share`` is out of range, or even the smallest key of these settings is larger.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"got a key of at most {share} of the model, expected more than 0 and at most 1")
    model = sum(info.bytes for info in state.infos.values())

    def size(places: Mapping[str, Place]) -> float:
        return file_bytes(places, state.infos, coding=coding) / model

    found, taken = largest(state, config, share, key, size=size)
    if taken > share:
        raise ConfigError(
            f"the smallest key of these settings takes {taken:.1%} of the model, expected at most {share:.1%}; "
            "leave classifier, normalisations or biases out, or take a coding of fewer bits"
        )
    return found


def largest(
    state: State, config: SelectConfig, share: float, key: HasSecret, *, size: Callable[[Mapping[str, Place]], float]
) -> tuple[SelectConfig, float]:
    """``config`` with the largest fraction, to a thousandth, whose key's ``size`` is at most ``share``, and that size.

    Where even the smallest key is larger, it is that key: compare the size with ``share``.

    Raises:
        ConfigError: no fraction gives a key of these settings.
    """
    select(state, replace(config, fraction=1.0), key)

    def taken(step: int) -> float:
        """0 where not one unit fits into the fraction."""
        try:
            return size(select(state, replace(config, fraction=step / _STEPS), key))
        except ConfigError:
            return 0.0

    low, high, found = 0, _STEPS + 1, 0.0  # the first fits, being no key at all, and the last does not
    while high - low > 1:
        middle = (low + high) // 2
        tried = taken(middle)
        low, high, found = (middle, high, tried) if tried <= share else (low, middle, found)
    step, found = (low, found) if found else (high, taken(high))
    return replace(config, fraction=step / _STEPS), found
