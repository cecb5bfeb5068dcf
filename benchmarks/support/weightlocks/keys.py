"""The keys that are compared: the authors' selection and ours, at sizes that can be compared; and keyed models."""

from __future__ import annotations

import copy
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from spellock.derived import Secret
from spellock.weightlocks import sizing
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.places import Place
from spellock.weightlocks.presets import PRESETS as LOCKS
from spellock.weightlocks.select_config import PRESETS, SelectConfig
from spellock.weightlocks.states import ModuleState, State
from spellock.weightlocks.summary import Summary, summarise
from spellock.weightlocks.unlocking import unlock_module
from spellock.weightlocks.value_coding import EXACT
from spellock.weightlocks.weight_key import WeightKey
from spellock.weightlocks.weight_keyfile import save_weight_key
from support.weightlocks.settings import SHIPPED_FILL


def secret(seed: int) -> bytes:
    """The secret of all keys of a seed."""
    return hashlib.sha256(f"benchmark weight_locks {seed}".encode()).digest()


def sized(state: State, selection: str, percent: float, *, text: bool) -> SelectConfig:
    """Settings of a key of ``percent``.

    The authors' is ``percent`` of the units (filters, rows and single gains; for texts, of single weights), as in
    their code. Ours is the largest that is at most ``percent`` of the model's bytes, everything counted: classifier,
    norms, biases and the list of places. Where those alone are more, it is the least that the selection can be.
    """
    if selection == "adaloc":
        return replace(PRESETS["adaloc-text" if text else "adaloc"], fraction=percent / 100)
    return largest(state, PRESETS[selection], percent, coding=coding_of(selection))


def coding_of(selection: str) -> str:
    """How keys of a selection hold their values: the authors' as they are."""
    return LOCKS[selection].coding


def largest(state: State, config: SelectConfig, percent: float, *, coding: str = EXACT) -> SelectConfig:
    """``config`` with the largest fraction whose key is at most ``percent`` of the bytes, or the least there is."""

    def size(places: Mapping[str, Place]) -> float:
        summary = summarise(places, state.infos, coding=coding)
        return summary.key_bytes / summary.of_bytes

    return sizing.largest(state, config, percent / 100, Secret(bytes(32)), size=size)[0]


@dataclass(frozen=True, kw_only=True)
class Keyed:
    """A keyed model, its key, and how large that is."""

    model: nn.Module
    key: WeightKey
    summary: Summary

    def sizes(self) -> dict[str, float]:
        """Percent of the model."""
        return {
            "key_bytes": 100 * self.summary.key_bytes / self.summary.of_bytes,
            "key_units": 100 * self.summary.units / self.summary.of_units,
            "key_scalars": 100 * self.summary.scalars / self.summary.of_scalars,
        }


def keyed(
    model: nn.Module, config: SelectConfig, fill: str, *, seed: int, public: State | None, coding: str = EXACT
) -> Keyed:
    """A locked copy of ``model``; ``public`` is used by the fill of that name only."""
    shipped = copy.deepcopy(model)
    lock = WeightLockConfig(select=config, fill=fill, coding=coding)
    key = lock_module(shipped, lock, secret=secret(seed), public=public if fill == "public" else None)
    summary = summarise(key.places, ModuleState(shipped).infos, coding=coding)
    return Keyed(model=shipped.eval(), key=key, summary=summary)


def to_train(start: nn.Module, shipped: Keyed) -> nn.Module:
    """What the owner trains inside the key: the model as it was before it was locked. A key of deltas counts from what
    it opens, and that is rounded, so there it is what the key opens."""
    if shipped.key.coding.endswith("-delta"):
        unlock_module(opened := copy.deepcopy(shipped.model), shipped.key)
        return opened
    return start


def file_sized(model: nn.Module, selection: str, percent: float, *, text: bool) -> SelectConfig:
    """As `sized`, but of ours the key's file is at most ``percent``: the digests of the keyed model are in it too."""
    state = ModuleState(model)
    config = sized(state, selection, percent, text=text)
    if selection == "adaloc":
        return config
    tried = keyed(model, config, SHIPPED_FILL[selection], seed=0, public=state, coding=coding_of(selection))
    beside = 100 * (file_size(tried.key) - tried.summary.key_bytes) / tried.summary.of_bytes
    return sized(state, selection, percent - beside, text=text)


def file_size(key: WeightKey) -> int:
    """Bytes of a key's file, without encryption, which adds some hundred."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        save_weight_key(key, path, passphrase=None, plain=True)
        return path.stat().st_size
