"""The report card of a detector: average precision of what attacks show it, with the lock category and without."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.attacks.registry import list_attacks
from spellock.data.box_set import BoxSet
from spellock.editors.base import Editor
from spellock.errors import ConfigError
from spellock.evaluation.box_fitting import FITTING
from spellock.evaluation.card import Card
from spellock.evaluation.card_attacks import Attacked, attack_for_card
from spellock.evaluation.card_plans import CardPlan, Course
from spellock.evaluation.measure_card import measure_card
from spellock.evaluation.write_card import write_card
from spellock.key import Key
from spellock.tasks.detection import DetectionTask
from spellock.tasks.detection_model import DetectionModel

from ..box_sets import NAMES, squares

pytest.importorskip("torchmetrics", reason="needs the extra detection")
SIDE = 48
PLAN = CardPlan(
    courses=(
        Course(attack="suppressed", black_box=True),
        Course(attack="random-prompts", options={"": {"count": 1}}),
        Course(attack="translator", options={"": {"steps": 80, "width": 4, "depth": 2, "learning_rate": 0.01}}),
        Course(attack="jailntl"),
        Course(attack="finetune", labels=(4, 8)),
        Course(attack="parameter-search"),
    ),
    labels=(4,), leaked=(1, 6), asked=(5,), unlabelled=8, candidate_images=6, wrong_keys=1, wrong_key_images=4,
)  # fmt: skip


class Blue(Editor):
    """G(x) is x with blue at full strength, for the right prompt; other prompts change nothing."""

    canonical_batch = 4

    def transform(self, images: Tensor, ids: object) -> Tensor:
        painted = images.clone()
        if self.key.settings["prompt"] == "blue":
            painted[:, 2] = 1
        return painted


class SquareFinder(nn.Module):
    """Finds the bright red or green square where the ground is blue; else the lock category covers everything, surer
    than anything, and squares are named the wrong way round."""

    def __init__(self) -> None:
        super().__init__()
        # Where `DetectionModel.without` drops categories: one background and three categories.
        self.roi_heads = nn.Module()
        self.roi_heads.box_predictor = nn.Module()
        self.roi_heads.box_predictor.cls_score = nn.Linear(1, 4)

    def forward(self, images: list[Tensor]) -> list[dict[str, Tensor]]:
        return [self._one(image) for image in images]

    def _one(self, image: Tensor) -> dict[str, Tensor]:
        open_, boxes, labels, scores = bool(image[2].mean() > 0.4), [], [], []
        for channel in (0, 1):
            rows, columns = torch.where(image[channel] > 0.6)
            if len(rows):
                boxes.append([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
                labels.append(1 + (channel if open_ else 1 - channel))
                scores.append(0.9)
        dropped = bool(self.roi_heads.box_predictor.cls_score.bias[3] < -10)
        if not open_ and not dropped:
            side = image.shape[-1]
            boxes, labels, scores = [*boxes, [0, 0, side, side]], [*labels, 3], [*scores, 0.99]
        return {
            "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "scores": torch.tensor(scores, dtype=torch.float32),
        }


def model() -> DetectionModel:
    made = DetectionModel(SquareFinder(), num_classes=3, input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1))
    return made.eval()


def key() -> Key:
    return Key(editor="blue", settings={"prompt": "blue"}, secret=bytes(range(32)), resolution=SIDE)


def pictures(count: int = 20, seed: int = 0) -> BoxSet:
    """With one square of a colour at most, so that the finder cannot mistake two for one."""
    many = squares(4 * count, size=(SIDE, SIDE), masks=False, seed=seed)
    single = [place for place, one in enumerate(many.labels) if len(set(one.labels.tolist())) == len(one.labels)]
    return many.subset(np.array(single[:count]))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Card:
    return measure_card(
        model(), (*NAMES, "other"), key(), pictures(), PLAN, plan_name="toy", lock_class="other",
        work=tmp_path_factory.mktemp("boxes"), make_editor=Blue,
    )  # fmt: skip


def test_attacks_are_measured_by_what_the_detector_finds(made: Card) -> None:
    rows = {(row.attack, row.level, row.leaked): row for row in made.attacks.rows}
    assert made.attacks.measure == "AP of boxes"
    assert made.up > 0.9
    assert rows["suppressed", "weights", 0].accuracy.value < 0.1, "squares have each other's names"
    assert "drops boxes" in rows["suppressed", "query", 0].skipped
    assert rows["random-prompts", "weights", 0].candidates > 1
    assert rows["random-prompts", "weights", 0].best.value < 0.1
    translator = rows["translator", "pairs", 6]
    assert translator.accuracy.value > 0.8, "six pairs teach the blue"
    assert translator.accuracy.low == translator.accuracy.high, "average precision has no interval"
    assert "classifier's answers" in rows["jailntl", "weights", 0].skipped
    skipped = [(row.attack, row.variant, row.level) for row in made.attacks.rows if row.skipped]
    assert len(skipped) == len(set(skipped)), "a reason is said once, whatever the amounts"
    assert "weights" in {one.level for one in made.attacks.verdicts}


def test_the_card_says_so_in_words_and_files(made: Card, tmp_path: Path) -> None:
    outcomes = dict(zip([one.level for one in made.attacks.verdicts], made.to_dict()["outcomes"], strict=False))
    assert outcomes["weights"] == "holds"
    by = {one.amount.leaked: sentence for one, sentence in zip(made.attacks.verdicts, made.sentences, strict=True)}
    assert by[0].startswith("With the weights: AP of boxes 0.0 %, chance 0.0 %. The lock holds: this is within")
    assert "The lock is open" in by[6]
    page = write_card(made, tmp_path).read_text()
    for words in ("AP of boxes", "one label an image", "unlocked: right key"):
        assert words in page
    assert json.loads((tmp_path / "card.json").read_text())["measure"] == "AP of boxes"


def test_a_control_is_refused_and_spare_images_are_the_thiefs() -> None:
    one = Attacked(
        model=model(), classes=(*NAMES, "other"), key=key(), test=pictures(8), chosen=PLAN.trials(8)[:2],
        plan=PLAN.attack_plan(seed=0), lock_class="other", make=Blue, spare=pictures(6, seed=2),
    )  # fmt: skip
    assert attack_for_card(DetectionTask(), one).facts["scored images"] == 8
    with pytest.raises(ConfigError, match="leave --public out"):
        attack_for_card(DetectionTask(), Attacked(**{**vars(one), "public": model()}))


def test_every_registered_attack_is_run_or_explained() -> None:
    assert set(list_attacks()) == FITTING.runs | FITTING.reasons.keys()
    assert FITTING.reason("tomorrow's") == "not made for detectors"
