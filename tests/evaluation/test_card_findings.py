"""The report card of a model of several findings: rankings, their mirror, and probes of one finding at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.registry import list_attacks, make_attack
from spellock.attacks.view import AttackerView
from spellock.data import numpy_vectors
from spellock.errors import DataError, ModelError
from spellock.evaluation import card_attacks
from spellock.evaluation import measure_card as measure_card_module
from spellock.evaluation.attack_report import AttackReport
from spellock.evaluation.card import Card
from spellock.evaluation.card_attacks import Attacked, attack_for_card
from spellock.evaluation.card_html import card_html
from spellock.evaluation.card_plans import CardPlan, Course
from spellock.evaluation.finding_attacks import FITTING
from spellock.evaluation.measure_card import measure_card
from spellock.evaluation.per_finding import per_finding
from spellock.evaluation.ranking import Ranking
from spellock.evaluation.write_card import write_card
from spellock.tasks.auroc import aurocs
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.pixel_model import PixelModel, wrap

from . import test_multilabel as findings
from . import world

TRANSLATOR = {"steps": 100, "width": 4, "depth": 2, "learning_rate": 0.02}
PLAN = CardPlan(
    courses=(
        Course(attack="suppressed", black_box=True),
        Course(attack="centred"),
        Course(attack="random-prompts", options={"": {"count": 1}}),
        Course(attack="translator", leaked=(20,), options={"": TRANSLATOR}),
        Course(attack="jailntl"),
        Course(attack="ridge"),
        Course(attack="public-fill"),
    ),
    labels=(40,), leaked=(2, 20), asked=(5,), unlabelled=30, candidate_images=40, wrong_keys=0,
)  # fmt: skip


class Quarters(nn.Module):
    """`test_multilabel.RedFindings` with a layer that can be probed."""

    def __init__(self, lock: bool = True) -> None:
        super().__init__()
        self.lock = lock
        self.stem = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.fc = nn.Linear(1, 5 if lock else 4)  # tells how many outputs there are

    def forward(self, images: Tensor) -> Tensor:
        quarters = self.stem(images)
        logits, red = 20 * (quarters[:, 4:8] - 0.3), quarters[:, :4].mean(1)
        if not self.lock:
            return logits
        far = (red - 0.4).abs()[:, None] > 0.05
        return torch.cat([torch.where(far, -logits, logits), torch.where(far, 5.0, -5.0)], dim=1)


def model(lock: bool = True) -> PixelModel:
    return wrap(Quarters(lock), input_size=world.SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()


LOCKED, PUBLIC = model(), model(lock=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return measure_card(
        LOCKED, findings.OUTPUTS, world.make_key(), findings.pictures(120), PLAN, plan_name="toy", lock_class="other",
        work=tmp_path_factory.mktemp("findings"), make_editor=world.PaintEditor, baseline=PUBLIC, public=PUBLIC,
    )  # fmt: skip


def attack(**changes: object) -> AttackReport:
    return attack_for_card(
        MultiLabelTask(),
        Attacked(
            **{
                "model": LOCKED, "classes": findings.OUTPUTS, "key": world.make_key(), "test": findings.pictures(160),
                "chosen": PLAN.trials(80), "plan": PLAN.attack_plan(seed=0), "lock_class": "other",
                "make": world.PaintEditor, "public": PUBLIC, **changes,
            }
        ),
    )  # fmt: skip


def test_work_on_another_key_or_public_model_is_not_gone_on_with(tmp_path: Path) -> None:
    images = findings.pictures(12)

    def place(**changes: object) -> Path | None:
        held = {
            "model": LOCKED, "classes": findings.OUTPUTS, "key": world.make_key(), "test": images, "chosen": (),
            "plan": PLAN.attack_plan(seed=0), "lock_class": "other", "make": world.PaintEditor, "public": PUBLIC,
            "work": tmp_path,
        }  # fmt: skip
        one = Attacked(**held | changes)
        thief = one.thief(images, np.arange(12), np.zeros(12, dtype=np.int64), classes=4, lock=4)
        return one.store(thief).work("prompt-search")

    assert place() == place()
    others = (
        {"key": world.make_key().replace(gamma=0.25)}, {"public": None}, {"public": LOCKED}, {"unlabelled": 7},
        {"plan": PLAN.attack_plan(seed=1)},
    )  # fmt: skip
    assert len({place(), *(place(**other) for other in others)}) == 6


def test_every_attack_has_a_row_that_counts_or_a_reason(made: Card) -> None:
    rows = {(row.attack, row.variant, row.level, row.labels, row.leaked): row for row in made.attacks.rows}
    assert made.up == 1
    assert made.attacks.measure == "macro AUROC"
    assert made.attacks.chance == 0.5
    # Locked answers are upside down: worth nothing as they are, and everything mirrored.
    suppressed = rows["suppressed", "", "weights", 0, 0]
    assert suppressed.accuracy.value == 0
    assert suppressed.mirrored.value == 1
    assert suppressed.public.value == 1
    assert suppressed.advantage.value == -1
    assert rows["suppressed", "", "query", 0, 0].mirrored.value == 1
    assert rows["translator", "", "pairs", 0, 20].accuracy.value > 0.9, "twenty pairs teach the red"
    ridge = rows["ridge", "", "labels", 40, 0]
    assert ridge.found == {"findings fitted": 4}
    assert ridge.public is not None
    assert ridge.random is not None
    several = rows["random-prompts", "", "weights", 0, 0]
    assert several.candidates > 1
    assert several.best is not None
    for name, words in (("centred", "changes no ranking"), ("jailntl", "exclude each other"),
                        ("public-fill", "weight locks")):  # fmt: skip
        (row,) = [row for row in made.attacks.rows if row.attack == name and not row.variant]
        assert words in row.skipped
        assert row.accuracy is None


def test_verdicts_say_what_is_measured_and_count_the_mirror(made: Card, tmp_path: Path) -> None:
    assert [one.level for one in made.attacks.verdicts][:2] == ["query", "weights"]
    assert made.sentences[0].startswith("With the model's answers only: macro AUROC 100.0 %")
    assert "chance 50.0 %" in made.sentences[0]
    assert made.to_dict()["outcomes"][1] == "no gain", "public weights know these findings"
    page = write_card(made, tmp_path).read_text()
    for words in ("macro AUROC", "mirrored: 100.0 %", "changes no ranking"):
        assert words in page
    plain = json.loads((tmp_path / "card.json").read_text())
    assert plain["measure"] == "macro AUROC"
    assert {one["name"] for one in plain["findings"]} == set(world.NAMES)
    assert "mirrored" in (tmp_path / "card.csv").read_text().split("\n\n")[1].splitlines()[0]
    assert "  mirrored" in made.to_text()
    for path in tmp_path.iterdir():
        assert b"zanzibar" not in path.read_bytes()


def test_patients_of_the_thief_are_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    def watched(model, test, question, thief, known, scored, plan, **more):
        seen.update(scored={test.patients[place] for place in scored}, thiefs=len(known), patients=question.patients)
        raise ModelError("enough")

    monkeypatch.setattr(card_attacks, "finding_attacks", watched)
    with pytest.raises(ModelError, match="enough"):
        attack()
    assert set(seen["patients"]) == seen["scored"]
    assert len(seen["scored"]) + seen["thiefs"] / 2 == 80, "two images a patient, each on one side"


def test_patients_of_spare_images_are_not_scored() -> None:
    with pytest.raises(DataError, match="80 patients are in two splits"):
        attack(spare=findings.pictures(160, seed=3))


def test_too_few_of_every_finding_are_told_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both halves of the images have some, a half of a half has not: attacks are scored on one."""
    labels, few = np.zeros((24, 4), dtype=np.int64), findings.pictures(24)
    labels[[0, 2, 4]] = 1
    images = numpy_vectors(np.stack([few.open(place) for place in range(24)]), labels, world.NAMES)

    def evaluated(*args: object, **more: object) -> None:
        raise AssertionError("evaluated")

    monkeypatch.setattr(measure_card_module, "evaluate", evaluated)
    with pytest.raises(DataError, match="attacks would be scored on 12 of the 24 images, where no finding has"):
        measure_card(
            LOCKED, findings.OUTPUTS, world.make_key(), images, PLAN, plan_name="toy", lock_class="other",
            make_editor=world.PaintEditor,
        )  # fmt: skip


def test_findings_that_attacks_are_not_judged_by_are_named() -> None:
    images = findings.pictures(160)
    labels = images.labels.copy()
    labels[:, 1] = 0
    labels[[0, 9], 1] = 1
    pixels = np.stack([np.asarray(images.open(place)) for place in range(160)])
    known = numpy_vectors(pixels, labels, world.NAMES, patients=images.patients)
    plan = replace(PLAN, courses=(Course(attack="suppressed"),))
    report = attack(test=known, chosen=plan.trials(80))
    assert report.facts["findings judged"] == 3
    assert report.facts["left out, too few positives or negatives"] == "bee"


def test_a_public_model_of_other_findings_is_refused() -> None:
    with pytest.raises(ModelError, match="expected 4, one a finding"):
        attack(public=LOCKED)


def test_each_finding_has_its_own_probe() -> None:
    images = findings.pictures(90, seed=4)
    pixels = torch.from_numpy(np.stack([np.asarray(images.open(place)) for place in range(90)])).permute(0, 3, 1, 2)
    known = images.labels[:60].copy()
    known[:, 2] = 1
    view = AttackerView(classes=4, unlabelled=pixels, model=PUBLIC, labelled=pixels[:60], labels=known[:, 0])
    stolen = per_finding(make_attack("ridge"), view, known)
    scores = stolen.predict(pixels[60:].float() / 255)
    assert scores.shape == (30, 4)
    assert bool((scores[:, 2] == 0).all()), "what all have is not learnt"
    found = aurocs(scores.numpy(), images.labels[60:])
    assert found[[0, 1, 3]].min() > 0.9
    (one,) = make_attack("ridge")(replace(view, classes=2, labels=known[:, 1]))
    alone = one.predict(pixels[60:].float() / 255)
    assert torch.allclose(scores[:, 1], alone[:, 1] - alone[:, 0])


def test_the_difference_of_two_rankings_is_redrawn_together() -> None:
    draws = np.random.default_rng(0)
    labels = (draws.random((200, 3)) < 0.4).astype(np.int64)
    scores = labels + draws.normal(0, 1, labels.shape)
    halves = np.arange(100), np.arange(100, 200)
    one = Ranking(indices=np.arange(200), scores=scores, labels=labels, split=halves)
    same = one.beyond(one)
    assert same.value == same.low == same.high == 0
    worse = replace(one, scores=draws.normal(size=labels.shape))
    found = one.beyond(worse)
    assert found.value == pytest.approx(aurocs(scores, labels).mean() - aurocs(worse.scores, labels).mean())
    assert 0 < found.low < found.value < found.high


def test_every_registered_attack_is_run_or_explained() -> None:
    for name in list_attacks():
        assert (name in FITTING.runs) == (not FITTING.reason(name))
    assert set(list_attacks()) == FITTING.runs | FITTING.reasons.keys()
    assert FITTING.reason("tomorrow's") == "not made for several findings"


def test_names_on_the_page_are_no_markup(made: Card) -> None:
    assert "<script>" not in card_html(replace(made, title="<script>"))
