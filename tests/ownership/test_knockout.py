"""By the key with few queries: what rounds cost, that p is exact, and what is found and not."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
from scipy import stats

from spellock.errors import ConfigError
from spellock.ownership.case import Case
from spellock.ownership.key import ByKey
from spellock.ownership.knockout import Round, cost, knock_out, plan_rounds
from spellock.ownership.suspect import Suspect
from spellock.ownership.verdict import Verdict

from . import suspects
from .test_key import _Paint


def verdict(suspect: Suspect, *, seed: int = 0, alpha: float = 0.01, keys: int = 99, **changes: object) -> Verdict:
    usual = {"images": suspects.pictures(100, seed=2), "key": suspects.the_key(), "seed": seed}
    return ByKey(alpha=alpha, keys=keys)(suspect, Case(**{**usual, **changes}))


@pytest.mark.parametrize("queries", [202, 300, 500, 1000, 3000, 10_100])
def test_plans_are_within_their_queries_and_use_them(queries: int) -> None:
    plan = plan_rounds(99, queries=queries, images=100)
    asked = Counter({number: 0 for number in range(100)})
    for one in plan:
        for number in range(one.keys):
            asked[number] = one.images
    assert cost(plan) == sum(asked.values()) + plan[-1].images
    assert queries / 2 < cost(plan) <= queries
    assert plan[0].keys == 100
    assert all(2 <= one.images <= 100 for one in plan)
    assert all(-(-one.keys // 2) == later.keys for one, later in pairwise(plan))


def test_all_queries_make_one_round_and_too_few_are_refused() -> None:
    assert plan_rounds(99, queries=10_100, images=100) == (Round(keys=100, images=100),)
    with pytest.raises(ConfigError, match=r"201 queries are too few for 99 random keys, expected 202 .* need 42$"):
        plan_rounds(99, queries=201, images=100)
    assert plan_rounds(19, queries=42, images=100) == (Round(keys=20, images=2),)


@pytest.mark.parametrize("levels", [6, 2])
def test_p_values_are_valid_over_all_orders(levels: int) -> None:
    """Over all orders of six keys, P(p <= a) is at most a; it is a where no two are equal."""
    plan = (Round(keys=6, images=2), Round(keys=3, images=4), Round(keys=2, images=8))
    draws = np.random.default_rng(levels)
    found = []
    figures = {images: draws.permutation(6) % levels for images in (2, 4, 8)}
    for order in permutations(range(6)):
        place = knock_out(plan, lambda numbers, images: [figures[images][order[number]] for number in numbers])  # noqa: B023
        found.append((1 + place.better) / 6)
    for bound in set(found):
        share = np.mean(np.array(found) <= bound + 1e-12)
        assert share <= bound + 1e-12
        assert levels == 2 or share == pytest.approx(bound)


@pytest.mark.parametrize("queries", [250, 1000])
def test_copies_match_with_few_queries(queries: int) -> None:
    matches = 0
    for seed in range(5):
        found = verdict(Suspect(suspects.locked(), limit=queries), seed=seed)
        assert found.queries <= queries
        matches += found.match
    assert matches >= 4
    copy = Suspect(query=lambda images: 3 - suspects.locked()(images).argmax(1), limit=1000)
    assert verdict(copy).p_value == 0.01, "labels alone, of classes in another order"


def test_a_hundred_queries_do_for_weaker_evidence() -> None:
    found = verdict(Suspect(suspects.locked(), limit=100), keys=19, alpha=0.05)
    assert found.match
    assert found.p_value == 0.05
    assert found.queries <= 100
    assert found.facts["random_keys"] == 19
    assert "random keys 0 did as well or better" in found.words


def test_unrelated_models_do_not_match_and_cost_less() -> None:
    for seed in range(5):
        found = verdict(Suspect(suspects.plain(), limit=500), seed=seed, unrelated=(suspects.plain(1),))
        assert not found.match
    silent = verdict(Suspect(query=lambda images: torch.zeros(len(images)), limit=500))
    assert (silent.p_value, silent.queries) == (1.0, 202), "all keys are equal, which counts against the right one"


def test_false_positives_stay_within_the_bound() -> None:
    """150 models that know no key, each with a fresh key: p <= 0.1 in a tenth of them at most, up to chance."""
    images, found = suspects.pictures(12), []
    for seed in range(150):
        weights = torch.from_numpy(np.random.default_rng(seed).normal(size=(3 * suspects.SIDE**2, 3))).float()
        suspect = Suspect(query=lambda asked: (asked - 0.5).flatten(1) @ weights, limit=60)  # noqa: B023
        case = Case(images=images, key=suspects.the_key(1000 + seed), make_editor=_Paint, seed=seed)
        found.append(ByKey(images=12, keys=9, alpha=0.1)(suspect, case).p_value)
    low = sum(p <= 0.1 for p in found)
    assert stats.binom.ppf(0.0005, 150, 0.1) <= low <= stats.binom.ppf(0.9995, 150, 0.1)
