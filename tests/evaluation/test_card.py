"""The report card: a table of attacks, resumed where it was stopped, and a page that says in words what thieves get."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from spellock.attacks.registry import list_attacks
from spellock.errors import ConfigError
from spellock.evaluation import card_plots, one_attack
from spellock.evaluation.accuracy import Estimate, proportion
from spellock.evaluation.attack_plan import Amount, amounts_of
from spellock.evaluation.attack_row import AttackRow
from spellock.evaluation.card import Card
from spellock.evaluation.card_html import card_html
from spellock.evaluation.card_plans import PLANS, CardPlan, Course, card_plan
from spellock.evaluation.card_plots import curves_of
from spellock.evaluation.hardened import Candidate
from spellock.evaluation.measure_card import measure_card
from spellock.evaluation.verdicts import Tried, Verdict, verdicts
from spellock.evaluation.write_card import write_card

from . import world

PLAN = CardPlan(
    courses=(
        Course(attack="suppressed", black_box=True),
        Course(attack="random-prompts", options={"": {"count": 1}}),
        Course(attack="translator", options={"": {"steps": 20, "width": 4, "depth": 2}}),
        Course(attack="permuted", options={"": {}}),
        Course(attack="permuted", options={"many": {}}, labels=(900,)),
    ),
    labels=(8, 16, 900), leaked=(2, 10), asked=(5,), unlabelled=30, candidate_images=20, wrong_keys=2,
    wrong_key_images=20,
)  # fmt: skip

#: Layers of these networks that say nothing are drawn at random, so both are made once.
LOCKED, PUBLIC = world.model(), world.model(lock=False)


def card(work: Path | None = None) -> Card:
    return measure_card(
        LOCKED, world.CLASSES, world.make_key(), world.images(120), PLAN, plan_name="toy", lock_class="other",
        baseline=PUBLIC, public=PUBLIC, work=work, make_editor=world.PaintEditor,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Card, Path]:
    work = tmp_path_factory.mktemp("card")
    return card(work), work


def test_a_card_holds_the_evaluation_and_every_attack(made: tuple[Card, Path]) -> None:
    found, _ = made
    assert found.up == 1
    assert found.figures["baseline"].value == 1
    names = {(row.attack, row.variant, row.level, row.labels, row.leaked) for row in found.attacks.rows}
    assert {("suppressed", "", "query", 0, 0), ("suppressed", "", "weights", 0, 0), ("permuted", "", "labels", 8, 0),
            ("permuted", "", "labels", 16, 0), ("translator", "", "pairs", 0, 2)} <= names  # fmt: skip
    # The thief has 60 images, not 900: an attack that asks for more is tried with these, and not left out.
    assert [name for name in names if name[1] == "many"] == [("permuted", "many", "labels", 60, 0)]
    rows = {row.name: row for row in found.attacks.rows}
    assert rows["permuted, 16 labels"].bits.labels == 16
    assert rows["suppressed"].accuracy.value > 0.9  # dropping the lock class opens this one
    assert [one.level for one in found.attacks.verdicts][:2] == ["query", "weights"]
    assert "no gain" in found.to_dict()["outcomes"]  # public weights know these classes
    assert set(curves_of(found.attacks, "leaked")) == {"translator"}
    assert set(curves_of(found.attacks, "labels")) == {"permuted"}


def test_an_interrupted_card_goes_on(made: tuple[Card, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    found, work = made

    def never(*_: object) -> None:
        raise AssertionError("an attack was run again")

    monkeypatch.setattr(one_attack, "_counted", never)
    again = card(work)
    assert again.attacks.to_dict() == found.attacks.to_dict()
    assert again.attacks.pictures == found.attacks.pictures


def test_a_resumed_card_counts_the_time_of_what_was_done_before(made: tuple[Card, Path], tmp_path: Path) -> None:
    found, work = made
    kept = sorted(work.glob("*.json"))
    assert len(kept) > sum(not row.skipped for row in found.attacks.rows)  # the controls too
    for place, path in enumerate(kept):
        stored = json.loads(path.read_text()) | {"seconds": 100.0, "scoring": 10.0}
        if not place:
            del stored["scoring"]  # as older runs left them
        (tmp_path / path.name).write_text(json.dumps(stored))
    again, spared = card(tmp_path), 110 * len(kept) - 10
    assert spared < again.seconds < spared + found.seconds + 90
    assert again.to_dict()["seconds"] == round(again.seconds, 1)
    assert f"{again.seconds / 60:.1f}" in card_html(again).split("minutes", 1)[1]


def test_the_files_say_the_same_and_nothing_secret(made: tuple[Card, Path], tmp_path: Path) -> None:
    found, _ = made
    page = write_card(found, tmp_path)
    plain = json.loads((tmp_path / "card.json").read_text())
    assert plain["figures"]["up"] == 100
    assert plain["sentences"] == list(found.sentences)
    assert [one["labels"] for one in plain["label_curves"]] == [[8, 16]]
    figures, attacks = (tmp_path / "card.csv").read_text().split("\n\n")
    lines = list(csv.DictReader(io.StringIO(attacks)))
    assert len(lines) == len(found.attacks.rows) == len(plain["attacks"])
    assert {line["figure"] for line in csv.DictReader(io.StringIO(figures))} == set(found.figures)
    text = page.read_text()
    for sentence in found.sentences:
        assert escape(sentence) in text
    assert text.count("data:image/png;base64,") == 6 * 4 + 3  # six images in four ways, three curves
    for word in (
        "What was locked",
        "Every attack",
        "What this does not say",
        "best attack",
        "bits stolen",
        "label discount, labels",
        found.limits[0],
    ):
        assert word in text
    assert not re.findall(r"(?:src|href)=['\"](?!data:)", text)
    assert "<script" not in text
    for path in tmp_path.iterdir():
        assert b"zanzibar" not in path.read_bytes()
        assert world.SECRET.hex().encode() not in path.read_bytes()
    assert "Every attack" not in found.to_text()
    assert found.summary() in found.to_text()


def test_amounts_on_an_axis_are_plain_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    labels: list[str] = []

    def look(figure: Figure) -> str:
        FigureCanvasAgg(figure).draw()
        axis = figure.axes[0].xaxis
        labels.extend(tick.get_text() for tick in (*axis.get_majorticklabels(), *axis.get_minorticklabels()))
        return ""

    monkeypatch.setattr(card_plots, "drawn", look)
    figure, axes = card_plots._axes()
    axes.plot([2, 10], [0, 1], label="translator")
    card_plots._finished(figure, axes, "leaked edited images")
    assert {"2", "10"} <= set(labels)
    assert not [text for text in labels if "times" in text]


def test_a_search_for_keys_has_a_curve_over_keys_tried(
    made: tuple[Card, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def row(attack: str, variant: str, tried: int, value: float, level: str = "weights") -> AttackRow:
        found = {"tried": tried} if tried else {}
        return AttackRow(attack=attack, variant=variant, level=level, accuracy=estimate(value), found=found)

    rows = (
        row("monte-carlo", "", 180, 0.4), row("monte-carlo", "25 keys", 24, 0.1),
        row("monte-carlo", "50 keys", 49, 0.2), row("monte-carlo", "", 170, 0.3, "query"),
        row("prompt-search", "", 90, 0.3),
        row("prompt-search", "information", 95, 0.3), row("suppressed", "", 0, 0.3),
    )  # fmt: skip
    report = replace(made[0].attacks, rows=rows)
    assert {name: [one.accuracy.value for one in found] for name, found in curves_of(report, "tried").items()} == {
        "monte-carlo": [0.1, 0.2, 0.4]
    }
    drawn: list[tuple[list[float], list[float]]] = []

    def look(figure: Figure) -> str:
        drawn.append(tuple(list(data) for data in figure.axes[0].lines[0].get_data()))
        return "data:,"

    monkeypatch.setattr(card_plots, "drawn", look)
    page = card_html(replace(made[0], attacks=report))
    assert drawn == [([24, 49, 180], pytest.approx([10, 20, 40]))]
    assert "over different keys tried." in page


def test_names_on_the_page_are_no_markup(made: tuple[Card, Path]) -> None:
    page = card_html(replace(made[0], title="<script>alert(1)</script>"))
    assert "<script>" not in page


@pytest.mark.parametrize("name", sorted(PLANS))
def test_plans_name_attacks_that_there_are(name: str) -> None:
    chosen = card_plan(name).trials(10_000)
    assert {trial.name for trial in chosen} <= set(list_attacks())
    assert len({(trial.name, trial.variant, trial.black_box) for trial in chosen}) == len(chosen)
    if name == "full":
        assert {trial.name for trial in chosen} == set(list_attacks())
    few = {amount for trial in card_plan(name).trials(50) for amount in (*trial.labels, *trial.leaked, *trial.asked)}
    assert max(few) <= 50
    for count in (5, 50):
        trials = card_plan(name).trials(count)
        assert [(one.name, one.variant) for one in trials] == [(one.name, one.variant) for one in chosen]
        assert all(amounts_of(one, card_plan(name).attack_plan(seed=0)) for one in trials), "none drops out"
    with pytest.raises(ConfigError, match="did you mean standard"):
        card_plan("standart")


def estimate(value: float, half: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, images=1000)


@pytest.mark.parametrize(
    ("locked", "public", "outcome"),
    [
        (0.11, None, "holds"),
        (0.14, None, "leaks"),
        (0.4, 0.5, "no gain"),
        (0.4, 0.38, "in doubt"),
        (0.4, 0.3, "leaks"),
        (0.85, 0.3, "open"),
        (0.11, 0.3, "holds"),
    ],
)
def test_verdicts_in_words(locked: float, public: float | None, outcome: str) -> None:
    verdict = Verdict(
        level="edited", amount=Amount(leaked=10), locked=estimate(locked), name="x",
        public=None if public is None else estimate(public),
    )  # fmt: skip
    assert verdict.outcome(chance=0.1, up=0.9) == outcome
    sentence = verdict.sentence(chance=0.1, up=0.9)
    assert sentence.startswith(f"With the weights and ten edited images: {100 * locked:.1f} %")
    assert ("public" in sentence) == (public is not None)


def test_a_stronger_thief_does_no_worse_and_the_best_is_chosen_on_other_images() -> None:
    draws = np.random.default_rng(0)
    places = np.arange(400)
    split = (places[:200], places[200:])

    def tried(level: str, amount: Amount, **hits: np.ndarray) -> Tried:
        return Tried(
            level=level, amount=amount,
            candidates={"locked": {name: Candidate(indices=places, hits=one) for name, one in hits.items()}},
        )  # fmt: skip

    weak, strong = draws.random(400) < 0.3, draws.random(400) < 0.7
    lucky = np.concatenate([np.ones(200, bool), np.zeros(200, bool)])
    found = verdicts(
        [tried("labels", Amount(labels=10), lucky=lucky), tried("weights", Amount(), weak=weak),
         tried("edited", Amount(leaked=5), strong=strong), tried("edited", Amount(leaked=50), poor=weak & strong)],
        split, 400,
    )  # fmt: skip
    by = {(one.level, one.amount.leaked): one for one in found}
    assert [one.level for one in found] == ["weights", "edited", "edited", "labels"]
    assert by["weights", 0].locked.value == pytest.approx(proportion(weak).value)
    assert by["edited", 50].name == "strong"
    assert by["edited", 50].locked.value == pytest.approx(strong.mean())
    # chosen where it is always right, scored where it never is
    assert by["labels", 0].locked.value == pytest.approx(weak[:200].mean() / 2)
