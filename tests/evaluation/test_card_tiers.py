"""The report card of a model with tiers: what each key releases and what it leaks, in words and files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from spellock.evaluation.accuracy import Estimate
from spellock.evaluation.card import Card
from spellock.evaluation.card_plans import CardPlan, Course
from spellock.evaluation.measure_card import measure_card
from spellock.evaluation.report_parts import TierResult
from spellock.evaluation.tier_verdicts import tier_verdicts
from spellock.evaluation.write_card import write_card

from . import test_tiers as tiered
from . import world

PLAN = CardPlan(
    courses=(Course(attack="suppressed"),), labels=(8,), leaked=(2,), asked=(5,), unlabelled=20, candidate_images=20,
    wrong_keys=1, wrong_key_images=20,
)  # fmt: skip


def card(leaky: bool) -> Card:
    return measure_card(
        tiered.model(leaky), tiered.CLASSES, world.make_key(), world.images(120), PLAN, plan_name="toy",
        lock_class="other", tiers=(tiered.tier(),), make_editor=tiered.Paint,
    )  # fmt: skip


@pytest.mark.parametrize(("leaky", "outcomes"), [(True, ["releases", "open", "open"]), (False, ["releases", "open"])])
def test_a_card_says_what_a_tiers_key_releases_and_leaks(leaky: bool, outcomes: list[str], tmp_path: Path) -> None:
    found = card(leaky)
    said = [one.outcome for one in found.tier_verdicts]
    assert said[: len(outcomes)] == outcomes
    if not leaky:
        assert said[2] in ("keeps", "unclear")
    assert found.tier_verdicts[0].text.startswith("With the key of tier coarse the right one of 2 groups: 100.0 %")
    # Groups are no classes: dropping them with the lock class opens the leaky model, and it has four classes.
    assert found.attacks.chance == 0.25
    assert found.classes == world.NAMES

    page = write_card(found, tmp_path).read_text()
    plain = json.loads((tmp_path / "card.json").read_text())
    (tier,) = plain["tiers"]
    assert tier["group"] == 100
    assert tier["outcomes"] == said
    assert "each tier" in page
    figures = csv.DictReader(io.StringIO((tmp_path / "card.csv").read_text().split("\n\n")[0]))
    assert "tier coarse: tier leak" in {line["figure"] for line in figures}
    assert found.tier_verdicts[2].text in found.to_text()
    assert "0 of 1 tiers keep" in found.summary()


def result(leak: float, keyless: float, half: float = 0.02) -> TierResult:
    def one(value: float) -> Estimate:
        return Estimate(value=value, low=value - half, high=value + half, images=500)

    figures = {"group": one(0.9), "group_hardened_lp": one(keyless), "group_largest": one(0.5),
               "fine_leak": one(leak), "fine_known_group": one(0.3)}  # fmt: skip
    return TierResult(name="t", groups=2, figures=figures, leak_from="fine", leaks={"u": one(0.6)})


@pytest.mark.parametrize(
    ("leak", "keyless", "half", "outcomes"),
    [
        (0.31, 0.51, 0.02, ["holds", "keeps"]),
        (0.40, 0.60, 0.02, ["leaks", "leaks"]),
        (0.80, 0.85, 0.02, ["open", "open"]),
        (0.31, 0.51, 0.10, ["unclear", "unclear"]),
    ],
)
def test_outcomes_follow_the_figures(leak: float, keyless: float, half: float, outcomes: list[str]) -> None:
    found = tier_verdicts([result(leak, keyless, half)], up=0.9)
    assert [one.outcome for one in found] == ["releases", *outcomes, "releases"]
    assert "tier u" in found[-1].text
    assert f"{100 * leak:.1f} %" in found[2].text
    assert "30.0 %" in found[2].text
