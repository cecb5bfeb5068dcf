"""Which weights are the key: units by score, up to a fraction of the model (AdaLoc, CoreLocker)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from spellock.errors import ConfigError
from spellock.keystream import HasSecret
from spellock.weightlocks.companions import companions_of
from spellock.weightlocks.highest import highest
from spellock.weightlocks.kinds import Kind, head_tensors, kind_of, norm_tensors
from spellock.weightlocks.places import Place, merge, units_of, whole_place
from spellock.weightlocks.scores import make_score
from spellock.weightlocks.select_config import Measure, SelectConfig
from spellock.weightlocks.shares import layer_shares
from spellock.weightlocks.states import State, TensorInfo
from spellock.weightlocks.unit_scores import ScoredUnits

#: Kinds whose units are scored: what the authors' code calls a weight.
_SCORED: Final = (Kind.MATRIX, Kind.BATCH_GAIN, Kind.GAIN)


def select(state: State, config: SelectConfig, key: HasSecret) -> dict[str, Place]:
    """The key's places, by tensor, in the model's order.

    Args:
        key: what a score that needs chance draws from; the same state, settings and secret give the same places.

    Raises:
        ConfigError: no unit fits into the fraction, nothing can be scored, or the classifier is not found.
    """
    infos = state.infos
    score, scored = make_score(config.score), _scored_tensors(infos, config)
    sizes = {name: units_of(infos[name], config.granularity) for name in scored}

    chosen: dict[str, Place] = {}
    shares = _shares(infos, scored, sizes, config)
    for group in [[name] for name in scored] if config.scope == "layer" else [scored]:
        budget = _budget(infos, group, sizes, config, shares.get(group[0], config.fraction))
        scores = ScoredUnits(state, group, sizes, score, key)
        costs = {name: _cost(infos[name], sizes[name], config.of) for name in group}
        for name, indices in highest(scores, costs, budget).items():
            if len(indices):
                chosen[name] = Place(name=name, info=infos[name], unit=sizes[name], indices=indices)
    if not chosen:
        raise ConfigError(
            f"a key fraction of {config.fraction:g} of the {config.of} holds not one unit of this model; raise it, or "
            "take single weights (granularity scalar)"
        )
    extra = companions_of(chosen, infos) if config.companions else []
    extra += [whole_place(name, infos[name]) for name in _included(infos, config)]
    for place in extra:
        chosen[place.name] = merge(chosen[place.name], place) if place.name in chosen else place
    return {name: chosen[name] for name in infos if name in chosen}


def _scored_tensors(infos: Mapping[str, TensorInfo], config: SelectConfig) -> list[str]:
    kinds = {name: kind_of(name, infos) for name in infos if infos[name].scalars}
    if all(kind in (Kind.FIXED, Kind.STATISTIC) for kind in kinds.values()):
        raise ConfigError(
            f"the model's {len(infos)} tensors hold whole numbers or 8 bits, expected floating weights of 16 or more; "
            "lock a model before it is quantised"
        )
    wanted = _SCORED if config.candidates == "weights" else (*_SCORED, Kind.BIAS, Kind.OTHER)
    left_out = set() if config.norms == "scored" else set(norm_tensors(infos))
    if config.include_head:
        left_out |= set(head_tensors(infos, config.head))
    names = [name for name, kind in kinds.items() if kind in wanted and name not in left_out]
    if config.score == "batchnorm-gain":
        names = [name for name in names if kinds[name] is Kind.BATCH_GAIN]
    if not names:
        raise ConfigError(
            f"the model has no weights that the score {config.score} could rank under these settings; choose another "
            "score, take all floating tensors (--candidates all), or count normalisations and the classifier in"
        )
    return names


def _included(infos: Mapping[str, TensorInfo], config: SelectConfig) -> list[str]:
    names = set(head_tensors(infos, config.head)) if config.include_head else set()
    norms = set(norm_tensors(infos))
    if config.norms == "key":
        names |= norms
    if config.biases == "key":
        names |= {name for name in infos if kind_of(name, infos) is Kind.BIAS and name not in norms}
    return [name for name in infos if name in names and infos[name].scalars and kind_of(name, infos) is not Kind.FIXED]


def _cost(info: TensorInfo, unit: int, measure: Measure) -> int:
    return {"units": 1, "scalars": unit, "bytes": unit * info.dtype.itemsize}[measure]


def _shares(
    infos: Mapping[str, TensorInfo], scored: list[str], sizes: Mapping[str, int], config: SelectConfig
) -> dict[str, float]:
    """Each tensor's share of itself, where that is not the fraction."""
    if not config.balance:
        return {}
    costs = {name: infos[name].scalars // sizes[name] * _cost(infos[name], sizes[name], config.of) for name in scored}
    return layer_shares(costs, config.fraction, balance=config.balance)


def _budget(
    infos: Mapping[str, TensorInfo], group: list[str], sizes: Mapping[str, int], config: SelectConfig, fraction: float
) -> int:
    """What the units of ``group`` may cost: the fraction of all its units, or of the whole model's scalars or bytes."""
    names = group if config.of == "units" or config.scope == "layer" else list(infos)
    total = sum(
        infos[name].scalars // sizes[name] * _cost(infos[name], sizes[name], config.of)
        if name in sizes
        else {"scalars": infos[name].scalars, "bytes": infos[name].bytes, "units": 0}[config.of]
        for name in names
    )
    return math.floor(fraction * total + 1e-9)
