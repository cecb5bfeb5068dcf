"""The highest scores among many, against a plain sort: from memory, by a shortlist, and where its guess is bad."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.derived import Secret
from spellock.weightlocks import highest as room
from spellock.weightlocks import unit_scores
from spellock.weightlocks.highest import highest
from spellock.weightlocks.scores import Score, make_score
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unit_scores import ScoredUnits

from .networks import SECRET


class Weights(torch.nn.Module):
    """Tensors by name."""

    def __init__(self, tensors: list[torch.Tensor]) -> None:
        super().__init__()
        for number, tensor in enumerate(tensors):
            self.register_buffer(f"t{number}", tensor)


def scored(tensors: list[torch.Tensor], score: Score | None = None) -> ScoredUnits:
    state = ModuleState(Weights(tensors))
    return ScoredUnits(state, list(state.infos), dict.fromkeys(state.infos, 1), score or own, Secret(SECRET))


def own(units: object) -> torch.Tensor:
    found: torch.Tensor = units.values[:, 0]  # type: ignore[attr-defined]
    return found


def sorted_ones(tensors: list[torch.Tensor], costs: dict[str, int], budget: int) -> set[tuple[str, int]]:
    """Best first, of equal ones the first, until one does not fit."""
    everything = [(name, i, float(v)) for (name, t) in zip(costs, tensors, strict=True) for i, v in enumerate(t)]
    taken, left = set(), budget
    for name, number, _ in sorted(everything, key=lambda one: -one[2]):
        if costs[name] > left:
            break
        taken.add((name, number))
        left -= costs[name]
    return taken


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 64 units, nothing kept, one in four of them in the sample."""
    monkeypatch.setattr(unit_scores, "_CHUNK", 64)
    monkeypatch.setattr(unit_scores, "_KEPT", 0)
    monkeypatch.setattr(ScoredUnits, "sample", lambda scored, _: scored._computed(4))


def found(tensors: list[torch.Tensor], costs: dict[str, int], budget: int) -> set[tuple[str, int]]:
    chosen = highest(scored(tensors), costs, budget)
    assert all(units.dtype == np.int64 and (np.diff(units) > 0).all() for units in chosen.values())
    return {(name, int(number)) for name, units in chosen.items() for number in units}


def misleading(high_first: bool) -> torch.Tensor:
    """The first quarter of each part is what is sampled: it is the best of all, or the worst."""
    tensor = torch.randn(64 * 20, generator=torch.Generator().manual_seed(0)).reshape(20, 64)
    tensor[:, :16] += 10 if high_first else -10
    return tensor.reshape(-1)


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.45, 0.6, 1.0])
@pytest.mark.parametrize(
    "tensors",
    [
        [torch.randn(3000, generator=torch.Generator().manual_seed(1)), torch.ones(70)],
        [misleading(True)],
        [misleading(False)],
        [torch.zeros(1000)],
        [torch.randn(500, generator=torch.Generator().manual_seed(2)).round(), torch.tensor([2.0])],
    ],
    ids=["plain", "sample too high", "sample too low", "all equal", "many equal"],
)
def test_as_a_plain_sort_takes_them(tensors: list[torch.Tensor], share: float) -> None:
    costs = {f"t{number}": 1 for number in range(len(tensors))}
    budget = int(share * sum(map(len, tensors)))
    assert found(tensors, costs, budget) == sorted_ones(tensors, costs, budget)


@pytest.mark.usefixtures("small_parts")
def test_units_may_cost_differently() -> None:
    generator = torch.Generator().manual_seed(3)
    tensors = [torch.randn(900, generator=generator), 2 * torch.randn(700, generator=generator)]
    costs = {"t0": 3, "t1": 8}
    assert found(tensors, costs, 700) == sorted_ones(tensors, costs, 700)


@pytest.mark.usefixtures("small_parts")
def test_nan_is_never_taken_before_a_number() -> None:
    tensor = torch.randn(2000, generator=torch.Generator().manual_seed(4))
    tensor[::3] = torch.nan
    assert found([tensor], {"t0": 1}, 300) == sorted_ones([tensor.nan_to_num(-torch.inf)], {"t0": 1}, 300)


@pytest.mark.usefixtures("small_parts")
def test_tensors_without_a_score_are_left_out() -> None:
    tensors = [torch.zeros(300), torch.randn(300, generator=torch.Generator().manual_seed(6))]

    def some(units: object) -> torch.Tensor | None:
        return own(units) if units.name == "t1" else None  # type: ignore[attr-defined]

    chosen = highest(scored(tensors, some), {"t0": 1, "t1": 1}, 40)
    assert chosen.keys() == {"t1"}
    assert set(chosen["t1"].tolist()) == set(tensors[1].argsort(descending=True)[:40].tolist())
    assert highest(scored(tensors, lambda units: None), {"t0": 1, "t1": 1}, 40) == {}


@given(st.integers(0, 400), st.integers(0, 9))
def test_a_shortlist_finds_what_the_search_among_all_finds(budget: int, seed: int) -> None:
    tensors = [torch.randn(800, generator=torch.Generator().manual_seed(seed)).round(decimals=1)]
    whole = found(tensors, {"t0": 1}, budget)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_scores, "_CHUNK", 64)
        patch.setattr(unit_scores, "_KEPT", 0)
        patch.setattr(room, "_SAMPLED", 200)
        assert found(tensors, {"t0": 1}, budget) == whole


@pytest.mark.usefixtures("small_parts")
def test_scores_are_asked_for_once_and_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def counted(units: object) -> torch.Tensor:
        asked.append(len(units.values))  # type: ignore[attr-defined]
        return own(units)

    tensor = torch.randn(6400, generator=torch.Generator().manual_seed(5))
    highest(scored([tensor], counted), {"t0": 1}, 300)
    assert sum(asked) == 6400 + 1600
    asked.clear()
    monkeypatch.setattr(room, "_WORTH", 0.0)  # without a shortlist
    highest(scored([tensor], counted), {"t0": 1}, 300)
    assert sum(asked) == 3 * 6400 + 1600


@pytest.mark.usefixtures("small_parts")
def test_scores_by_chance_are_the_same_in_the_sample() -> None:
    units = scored([torch.zeros(640)], make_score("random"))
    every = torch.cat([scores for _, scores in units]).reshape(10, 64)
    assert torch.equal(torch.cat([scores for _, scores in units.sample(4)]).reshape(10, 16), every[:, :16])
