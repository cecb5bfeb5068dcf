"""Ten adaptations in a row, each on all the data that has arrived so far and from where the last one ended."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from torch import Tensor, nn

from spellock.weightlocks.digest import digest_of, model_digest
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import unlocked
from spellock.weightlocks.weight_key import WeightKey
from support.cells import Figures
from support.weightlocks.data import Owned, cycles_of
from support.weightlocks.keys import Keyed, coding_of, file_size, file_sized, keyed, to_train
from support.weightlocks.settings import CYCLE_PERCENT, CYCLES, RATE_CYCLES, SHIPPED_FILL
from support.weightlocks.single import SELECTIONS, Adaptation
from support.weightlocks.training import accuracy, train


class Way(NamedTuple):
    """How a key learns: at which rate, and after which share of the steps on what it can hold."""

    rate: float
    rounded_from: float = 0.0


def arrivals(adaptation: Adaptation) -> list[Owned]:
    """The data after each cycle: new classes, or new examples where there are not ten groups of classes."""
    by_class = adaptation.owned.classes >= CYCLES
    return list(cycles_of(adaptation.owned, by_class=by_class, seed=adaptation.seed))


def cycle_rate(adaptation: Adaptation, selection: str | None, *, rounded_from: float = 0.0) -> Figures:
    """The learning rate, in thousandths, that is best for adaptations in a row: of everything, or of a key alone.

    Each of the grid adapts a model to two of the arrivals, one after the other; the best in the mean of what is right
    on validation data afterwards is taken. One adaptation alone tells too little: what learns fast then may forget,
    or stand still, when the next data come.
    """
    some = [seen for cycle, seen in enumerate(arrivals(adaptation), start=1) if cycle in RATE_CYCLES]
    right: dict[float, float] = {}
    for rate in adaptation.pair.budget.rates:
        model, key = adaptation.start(), None
        if selection is not None:
            made = _shipped(adaptation, model, selection)
            model, key = to_train(model, made), made.key
        found = []
        for seen in some:
            key = _fit(adaptation, model, seen, rate, key=key, rounded_from=rounded_from)
            found.append(accuracy(model, seen.validation, among=seen.arrived))
        right[rate] = mean(found)
    figures = {f"validation_{1000 * rate:g}": value for rate, value in right.items()}
    return figures | {"rate_per_mille": 1000 * max(right, key=right.__getitem__)}


def full_cycles(adaptation: Adaptation, *, rate: float) -> Figures:
    """Everything is fine-tuned in each cycle: the upper bound. And the static scheme, which ships the update but keeps
    back what lies in the place of the old key: its accuracy with the old fill there, and with public weights there."""
    figures: Figures = {}
    model = adaptation.start()
    made = {selection: _shipped(adaptation, model, selection) for selection in SELECTIONS}
    places = {selection: (one.key, _standing(ModuleState(one.model), one.key)) for selection, one in made.items()}
    public = adaptation.public.state(adaptation.owned.classes)
    for cycle, seen in enumerate(arrivals(adaptation), start=1):
        _fit(adaptation, model, seen, rate)
        figures |= {f"chance_{cycle}": seen.chance, f"majority_{cycle}": seen.majority}
        figures[f"authorised_{cycle}"] = accuracy(model, seen.test, among=seen.arrived)
        for selection, (key, fill) in places.items():
            state = ModuleState(model)
            own = _standing(state, key)
            for name, values in (("old_fill", fill), ("public_fill", None)):
                for tensor, place in key.places.items():
                    there = values[tensor] if values is not None else (
                        place.take(public[tensor]) if public.infos.get(tensor) == place.info else fill[tensor]
                    )  # fmt: skip
                    place.put(state.tensors[tensor], there)
                figures[f"{selection}_{name}_{cycle}"] = accuracy(model, seen.test, among=seen.arrived)
            for tensor, place in key.places.items():
                place.put(state.tensors[tensor], own[tensor])
    return figures


def key_cycles(adaptation: Adaptation, selection: str, ways: Sequence[Way]) -> Figures:
    """The key alone learns, in each cycle in all ``ways``, and goes on from the best on that cycle's validation data.

    After each cycle: accuracy of the shipped keyed model with the new key and without one, whether it is still the
    shipped one byte for byte, the size of the new key's file against the model, and which of several ways was best."""
    start = adaptation.start()
    made = _shipped(adaptation, start, selection)
    shipped, key, fill = made.model, made.key, _standing(ModuleState(made.model), made.key)
    digest, model = key.model_digest, to_train(start, made)
    figures: Figures = {}
    for cycle, seen in enumerate(arrivals(adaptation), start=1):
        tries = []
        for way in ways:
            tried = copy.deepcopy(model) if len(ways) > 1 else model
            new = _fit(adaptation, tried, seen, way.rate, key=key, rounded_from=way.rounded_from)
            assert new is not None
            right = accuracy(tried, seen.validation, among=seen.arrived) if len(ways) > 1 else 0.0
            tries.append((right, tried, new))
        best = max(range(len(ways)), key=lambda place: tries[place][0])
        _, model, key = tries[best]
        if len(ways) > 1:
            figures[f"way_{cycle}"] = best
        figures |= {f"chance_{cycle}": seen.chance, f"majority_{cycle}": seen.majority}
        with unlocked(shipped, key) as whole:
            figures[f"authorised_{cycle}"] = accuracy(whole, seen.test, among=seen.arrived)
        figures[f"unauthorised_{cycle}"] = accuracy(shipped, seen.test, among=seen.arrived)
        same = _digest(shipped) == digest == _digest_with(model, key, fill)
        figures[f"unchanged_{cycle}"] = 100.0 * same
        figures[f"update_{cycle}"] = (
            100 * file_size(key) / sum(info.bytes for info in ModuleState(shipped).infos.values())
        )
    return figures


def _fit(
    adaptation: Adaptation, model: nn.Module, seen: Owned, rate: float, key: WeightKey | None = None,
    rounded_from: float = 0.0,
) -> WeightKey | None:  # fmt: skip
    budget = adaptation.pair.budget
    return train(
        model, seen.train, rate=rate, epochs=budget.cycle_epochs, budget=budget, seed=adaptation.seed, key=key,
        among=seen.arrived, rounded_from=rounded_from,
    )  # fmt: skip


def _shipped(adaptation: Adaptation, start: nn.Module, selection: str) -> Keyed:
    """The keyed model as it is shipped before the first cycle, and its key."""
    config = file_sized(start, selection, CYCLE_PERCENT[selection], text=adaptation.pair.text)
    fill, public = SHIPPED_FILL[selection], adaptation.public.state(adaptation.owned.classes)
    return keyed(start, config, fill, seed=adaptation.seed, public=public, coding=coding_of(selection))


def _standing(state: ModuleState, key: WeightKey) -> dict[str, Tensor]:
    """What stands in the key's places now, to the byte; the key's own values would be rounded."""
    return {name: place.take(state[name]).clone() for name, place in key.places.items()}


def _digest(model: nn.Module) -> str:
    state = ModuleState(model)
    return model_digest({name: digest_of(info, state[name]) for name, info in state.infos.items()})


def _digest_with(model: nn.Module, key: WeightKey, fill: dict[str, Tensor]) -> str:
    """The digest of the trained model with the old fill in the key's place: what would be shipped now."""
    again = copy.deepcopy(model)
    state = ModuleState(again)
    for name, place in key.places.items():
        place.put(state.tensors[name], fill[name])
    return _digest(again)
