"""Which weights are the key: units by score, up to a fraction of the model (AdaLoc, CoreLocker)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
import torch

from spellock.errors import ConfigError
from spellock.keystream import HasSecret
from spellock.weightlocks.companions import companions_of
from spellock.weightlocks.kinds import Kind, head_tensors, kind_of, norm_tensors
from spellock.weightlocks.places import Place, merge, units_of, whole_place
from spellock.weightlocks.scores import Score, Units, make_score
from spellock.weightlocks.states import State, TensorInfo
from spellock.weightlocks.threshold import Scored, choose, find_threshold

Granularity = Literal["unit", "scalar"]
Measure = Literal["units", "scalars", "bytes"]
_CHUNK: Final = 1 << 18  # scalars scored at once, few enough to stay in the processor's cache
_KEPT: Final = 1 << 22  # scores kept in memory
#: A tensor's name, and scores of its units or of some of them.
Named = tuple[str, torch.Tensor]
#: Kinds whose units are scored: what the authors' code calls a weight.
_SCORED: Final = (Kind.MATRIX, Kind.BATCH_GAIN, Kind.GAIN)


@dataclass(frozen=True, kw_only=True)
class SelectConfig:
    """Settings of the selection. The defaults are this project's; the preset ``adaloc`` has the paper's.

    Attributes:
        score: registry name of the score.
        granularity: "unit" (filters and rows: slices along the first axis) or "scalar" (single weights).
        scope: rank all layers together ("global"), or take the same fraction of each tensor ("layer").
        fraction: size of the scored part of the key, in (0, 1].
        of: what the fraction counts: units, scalars, or bytes of the whole model.
        candidates: score "weights" (matrices and gains, as in the authors' code for vision) or "all" floating tensors
            but statistics (as in their code for language).
        include_head: the classifier is in the key, whatever its score.
        head: name of the classifier's module; None looks for the usual names.
        norms: normalisations: "scored" like other weights, "key" (gains, biases and statistics all in the key), or
            "frozen" (none of them).
        biases: "frozen", or "key": all biases but those of normalisations.
        companions: with a BatchNorm's gain, its channel's bias, statistics, and the filter that feeds it are taken.

    Raises:
        ConfigError: a value is out of range.
    """

    score: str = "fan-in-l1"
    granularity: Granularity = "unit"
    scope: Literal["global", "layer"] = "layer"
    fraction: float = 0.05
    of: Measure = "scalars"
    candidates: Literal["weights", "all"] = "weights"
    include_head: bool = True
    head: str | None = None
    norms: Literal["scored", "key", "frozen"] = "key"
    biases: Literal["frozen", "key"] = "key"
    companions: bool = False

    def __post_init__(self) -> None:
        make_score(self.score)
        if not 0 < self.fraction <= 1:
            raise ConfigError(
                f"got a key fraction of {self.fraction}, expected more than 0 and at most 1, for example 0.05"
            )
        choices = {
            "granularity": get_args(Granularity),
            "scope": ("global", "layer"),
            "of": get_args(Measure),
            "candidates": ("weights", "all"),
            "norms": ("scored", "key", "frozen"),
            "biases": ("frozen", "key"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(allowed)}")


#: AdaLoc: global L1 over filters, rows and single gains, 5 % of them, biases and statistics frozen (the authors'
#: helper.py, with its leaks closed). CoreLocker: the channels with the largest BatchNorm gains, 1 %.
PRESETS: Final = {
    "default": SelectConfig(),
    "adaloc": SelectConfig(
        score="l1", scope="global", of="units", include_head=False, norms="scored", biases="frozen", fraction=0.05
    ),
    "adaloc-text": SelectConfig(
        score="l1", granularity="scalar", scope="global", of="scalars", candidates="all", include_head=False,
        norms="scored", biases="frozen", fraction=0.05,
    ),
    "corelocker": SelectConfig(
        score="batchnorm-gain", scope="global", of="units", include_head=False, norms="scored", biases="frozen",
        fraction=0.01, companions=True,
    ),
}  # fmt: skip


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
    for group in [[name] for name in scored] if config.scope == "layer" else [scored]:
        budget = _budget(infos, group, sizes, config)
        scores = _asked_again(state, group, sizes, score, key)

        def parts(scores: Callable[[], Iterable[Named]] = scores) -> Iterator[Scored]:
            return ((units, _cost(infos[name], sizes[name], config.of)) for name, units in scores())

        threshold = find_threshold(parts, budget)
        found: dict[str, list[np.ndarray]] = {}
        at: dict[str, int] = {}
        for (name, units), places in zip(scores(), choose(parts(), threshold), strict=True):
            found.setdefault(name, []).append(places + at.get(name, 0))
            at[name] = at.get(name, 0) + len(units)
        for name, numbers in found.items():
            indices = np.concatenate(numbers)
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
            "score, or count normalisations and the classifier in"
        )
    return names


def _included(infos: Mapping[str, TensorInfo], config: SelectConfig) -> list[str]:
    names = set(head_tensors(infos, config.head)) if config.include_head else set()
    norms = set(norm_tensors(infos))
    if config.norms == "key":
        names |= norms
    if config.biases == "key":
        names |= {name for name in infos if kind_of(name, infos) is Kind.BIAS and name not in norms}
    return [name for name in infos if name in names and infos[name].scalars]


def _cost(info: TensorInfo, unit: int, measure: Measure) -> int:
    return {"units": 1, "scalars": unit, "bytes": unit * info.dtype.itemsize}[measure]


def _budget(infos: Mapping[str, TensorInfo], group: list[str], sizes: Mapping[str, int], config: SelectConfig) -> int:
    """What the units of ``group`` may cost: the fraction of all its units, or of the whole model's scalars or bytes."""
    names = group if config.of == "units" or config.scope == "layer" else list(infos)
    total = sum(
        infos[name].scalars // sizes[name] * _cost(infos[name], sizes[name], config.of)
        if name in sizes
        else {"scalars": infos[name].scalars, "bytes": infos[name].bytes, "units": 0}[config.of]
        for name in names
    )
    return math.floor(config.fraction * total + 1e-9)


def _asked_again(
    state: State, names: list[str], sizes: Mapping[str, int], score: Score, key: HasSecret
) -> Callable[[], Iterable[Named]]:
    """Gives the scores as often as it is asked: from memory, or computed anew where they would take too much of it."""
    total = sum(state.infos[name].scalars // sizes[name] for name in names)
    if total <= _KEPT:
        # In one block: small ones between the large ones that come and go would make the process's memory grow.
        block, kept, at = torch.empty(total), [], 0
        for name, units in _scores(state, names, sizes, score, key):
            kept.append((name, block[at : at + len(units)].copy_(units)))
            at += len(units)
        return lambda: kept
    return lambda: _scores(state, names, sizes, score, key)


def _scores(state: State, names: list[str], sizes: Mapping[str, int], score: Score, key: HasSecret) -> Iterator[Named]:
    """Each tensor's scores, float32 (U,), in parts where it is large."""
    infos = state.infos
    for name in names:
        unit = sizes[name]
        values, step = state[name].reshape(-1, unit), max(_CHUNK // unit, 1)
        kind = kind_of(name, infos)
        for start in range(0, len(values), step):
            found = score(
                Units(name=name, kind=kind, values=values[start : start + step].float(), start=start, key=key)
            )
            if found is not None:
                yield name, found
