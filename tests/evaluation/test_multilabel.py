"""Figures of several findings an image: hand-made logits, and an evaluation in a world where every answer is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.data import numpy_vectors
from spellock.errors import ConfigError, DataError
from spellock.evaluation.evaluate import evaluate
from spellock.evaluation.folds import Fold, RawReadings, cross_folds
from spellock.evaluation.hardened import best_of
from spellock.evaluation.judge import Question
from spellock.evaluation.judges import make_judge
from spellock.evaluation.keyless import hardened_lp
from spellock.evaluation.multilabel_judge import MultiLabelJudge
from spellock.evaluation.multilabel_readings import centred, obeyed, permuted
from spellock.evaluation.ranking import Ranking
from spellock.evaluation.report_plots import drawn_names
from spellock.evaluation.report_text import plain_table, to_csv
from spellock.evaluation.write_report import write_report
from spellock.tasks.auroc import aurocs
from spellock.tasks.multilabel import MultiLabelTask
from spellock.tasks.pixel_model import PixelModel, wrap

from .world import SIDE, PaintEditor, make_key

NAMES = ("ant", "bee", "cat", "dog")
OUTPUTS = (*NAMES, "other")


def labels_of(count: int, seed: int = 0) -> np.ndarray:
    made = np.zeros((count, 5), dtype=np.int64)
    made[:, :4] = np.random.default_rng(seed).random((count, 4)) < 0.4
    return made


def judge_of(labels: np.ndarray, lock: int | None = 4, patients=None) -> MultiLabelJudge:
    judge = make_judge(MultiLabelTask(), Question(labels=labels, classes=OUTPUTS, lock=lock, patients=patients))
    assert isinstance(judge, MultiLabelJudge)
    return judge


def readings_of(logits: np.ndarray, judge: MultiLabelJudge, labels: np.ndarray) -> dict[str, RawReadings]:
    folds = cross_folds(logits.astype(np.float32), labels, *judge.split)
    return {"": RawReadings(unlabelled=folds, labelled=folds)}


def noise(labels: np.ndarray, scale: float = 1.0) -> np.ndarray:
    return scale * np.random.default_rng(9).normal(size=labels.shape)


def figures_of(logits: np.ndarray, labels: np.ndarray, lock: int | None = 4) -> dict[str, float]:
    judge = judge_of(labels, lock)
    found = judge.readings(readings_of(logits, judge, labels))
    values = {name: one.value for name, one in judge.keyless(found).items()}
    return values | {"hardened_lp": judge.hardened(found).honest.value}


def test_halves_keep_patients_together() -> None:
    labels, patients = labels_of(120), [str(number // 4) for number in range(120)]
    first, second = judge_of(labels, patients=patients).split
    assert sorted([*first, *second]) == list(range(120))
    assert not {patients[place] for place in first} & {patients[place] for place in second}
    assert abs(len(first) - 60) <= 8


def test_an_extra_label_that_is_obeyed_hides_what_dropping_it_shows() -> None:
    labels = labels_of(600)
    logits = 3 * labels + noise(labels)
    # The extra label is surest where the findings are: obeyed, it turns the ranking round.
    logits[:, 4] = 40 * labels[:, :4].sum(axis=1) + 20
    found = figures_of(logits, labels)
    assert found["lp"] < 0.4
    assert found["lp_suppressed"] > 0.95
    assert found["hardened_lp"] > 0.95
    assert found["lp_mirrored"] > 0.6


def test_obeying_is_a_product_of_probabilities() -> None:
    logits = np.array([[0.3, -1.2, 2.0], [4.0, 0.0, -3.0]], np.float32)
    sigmoid = 1 / (1 + np.exp(-logits.astype(float)))
    assert np.exp(obeyed(logits, 2)) == pytest.approx(sigmoid * (1 - sigmoid[:, 2:]))
    assert np.exp(obeyed(logits, None)) == pytest.approx(sigmoid)


def test_centring_takes_away_what_an_images_logits_share() -> None:
    labels = labels_of(600)
    shared = 30 * np.random.default_rng(3).normal(size=(600, 1))
    found = figures_of(3 * labels + noise(labels) + shared, labels)
    assert found["lp_suppressed"] < 0.62
    assert found["lp_centred"] > 0.9
    assert found["hardened_lp"] > 0.9


def test_centring_is_its_definition() -> None:
    draws = np.random.default_rng(0)
    reference, scored = draws.normal(2, 3, (50, 5)).astype(np.float32), draws.normal(size=(4, 5)).astype(np.float32)
    fold = Fold(reference=reference, reference_labels=None, indices=np.arange(4), scored=scored)
    z = (scored - reference.mean(axis=0)) / reference.std(axis=0)
    assert centred(fold, 4) == pytest.approx(z - z[:, :4].mean(axis=1, keepdims=True), rel=1e-4)
    with pytest.raises(ConfigError, match="labelled reference"):
        permuted(fold, np.arange(4), 4)


def test_a_complement_is_worth_its_mirror() -> None:
    labels = labels_of(600)
    found = figures_of(-3 * labels + noise(labels), labels, lock=None)
    assert found["lp"] < 0.05
    for name in ("lp_mirrored", "lp_suppressed_mirrored", "lp_permuted", "hardened_lp"):
        assert found[name] > 0.95, name
    assert found["lp_mirrored"] == pytest.approx(1 - found["lp"], abs=0.01)


def test_renamed_outputs_are_found_again() -> None:
    labels = labels_of(600)
    logits = 3 * labels[:, [1, 2, 3, 0, 4]] + noise(labels)
    found = figures_of(logits, labels)
    assert abs(found["lp"] - 0.5) < 0.1
    assert found["lp_permuted"] > 0.95
    assert found["hardened_lp"] > 0.95


def test_noise_reads_as_chance_although_each_finding_may_be_turned() -> None:
    naive, honest = [], []
    for seed in range(12):
        labels = labels_of(200, seed)
        judge = judge_of(labels)
        logits = np.random.default_rng(100 + seed).normal(size=labels.shape)
        best = best_of(judge.readings(readings_of(logits, judge, labels)), judge.split)
        naive.append(best.naive.value)
        honest.append(best.honest.value)
    assert np.mean(naive) > 0.53, "the trap"
    assert 0.47 < np.mean(honest) < 0.53


def test_mirrors_are_chosen_on_the_other_half() -> None:
    labels = labels_of(8)[:, :1] * 0 + np.array([[1], [0]] * 4)
    scores = labels * np.array([1, 1, 1, 1, -1, -1, -1, -1])[:, None].astype(float)
    halves = np.arange(4), np.arange(4, 8)
    ranking = Ranking(indices=np.arange(8), scores=scores, labels=labels, split=halves, mirrored=True, draws=20)
    assert ranking.worth(halves[0]) == ranking.worth(halves[1]) == 1
    assert ranking.estimate().value == 0, "right on one half, upside down on the other"
    assert ranking.naive().value == pytest.approx(max(aurocs(scores, labels)[0], 1 - aurocs(scores, labels)[0]))


def test_hardened_lp_is_no_lower_where_a_half_tells_the_wrong_way_round() -> None:
    labels = np.zeros((60, 5), dtype=np.int64)
    labels[:, 0] = labels_of(60)[:, 0]
    judge = judge_of(labels)
    first, second = judge.split
    logits = np.random.default_rng(0).normal(size=labels.shape) * 0.01
    logits[second, 0] += labels[second, 0]
    logits[first, 0] -= 0.1 * labels[first, 0]
    readings = judge.readings(readings_of(logits, judge, labels))
    mirrored = best_of({"lp_suppressed": readings["lp_suppressed"]}, judge.split).honest.value
    assert mirrored < 0.1
    assert judge.hardened({"lp_suppressed": readings["lp_suppressed"]}).honest.value > 0.4


def test_findings_that_cannot_be_judged_are_left_out_and_named() -> None:
    labels = labels_of(200)
    labels[:, 1] = 0
    labels[:, 2] = 1
    labels[:, 3] = 0
    labels[5, 3] = 1
    judge = judge_of(labels)
    assert judge.facts()["left out, too few positives or negatives"] == "bee, cat, dog"
    assert [one.name for one in judge.findings({"up": labels.astype(np.float32)})] == ["ant"]
    with pytest.raises(DataError, match="no finding has both"):
        judge_of(np.zeros((20, 5), np.int64))
    with pytest.raises(DataError, match="in both halves"):
        judge_of(np.eye(20, 5, dtype=np.int64) * [1, 0, 0, 0, 0]).facts()


class RedFindings(nn.Module):
    """A finding for each bright green quarter; when red is not what the key makes of it the findings say the opposite,
    and the extra label is on."""

    def __init__(self, lock: bool = True) -> None:
        super().__init__()
        self.lock = lock
        self.fc = nn.Linear(1, 5 if lock else 4)  # tells how many outputs there are

    def forward(self, images: Tensor) -> Tensor:
        green, half = images[:, 1], images.shape[-1] // 2
        quarters = [green[:, r : r + half, c : c + half].mean((1, 2)) for r in (0, half) for c in (0, half)]
        logits = torch.stack([20 * (quarter - 0.3) for quarter in quarters], dim=1)
        if not self.lock:
            return logits
        far = (images[:, 0].mean((1, 2)) - 0.4).abs()[:, None] > 0.05
        return torch.cat([torch.where(far, -logits, logits), torch.where(far, 5.0, -5.0)], dim=1)


def model(lock: bool = True) -> PixelModel:
    return wrap(RedFindings(lock), input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()


def pictures(count: int = 80, seed: int = 0, names=NAMES):
    labels = labels_of(count, seed)[:, : len(names)]
    pixels = np.random.default_rng(seed).integers(0, 60, size=(count, SIDE, SIDE, 3), dtype=np.uint8)
    pixels[..., 0], half = 0, SIDE // 2
    for image, row in zip(pixels, labels, strict=True):
        for place in np.flatnonzero(row):
            r, c = divmod(int(place), 2)
            image[r * half : (r + 1) * half, c * half : (c + 1) * half, 1] += 120
    return numpy_vectors(pixels, labels, names, patients=[str(number // 2) for number in range(count)])


@pytest.fixture(scope="module")
def report():
    return evaluate(
        model(), OUTPUTS, make_key(), pictures(), lock_class="other", baseline=model(lock=False),
        make_editor=PaintEditor, wrong_keys=6, wrong_key_images=40, examples=2,
    )  # fmt: skip


def test_a_whole_evaluation(report) -> None:
    assert report["up"] == report["baseline"] == 1
    assert report["lp"] == report["lp_suppressed"] == 0
    for name in ("lp_mirrored", "lp_suppressed_mirrored", "lp_same_path_mirrored", "hardened_lp"):
        assert report[name] == 1, name
    assert report["chance"] == 0.5
    assert report["up_map"] == 1
    assert report["lp_map"] < report["chance_map"] + 0.1
    assert (report.measure, report.facts["intervals"]) == ("macro AUROC", "bootstrap over 40 patients")
    assert len(report.wrong_keys) == 6
    assert [one.name for one in report.findings] == list(NAMES)
    for one in report.findings:
        assert one.positives + one.negatives == 80
        assert (one.figures["up"].value, one.figures["lp"].value) == (1, 0)
    assert all(figure.low <= figure.value <= figure.high for figure in report.figures.values())
    assert len(report.examples) == 2
    assert all(view.right for example in report.examples for view in example.views if view.title == "right key")


def test_the_report_shows_it(report, tmp_path) -> None:
    page = write_report(report, tmp_path / "r").read_text()
    assert "macro AUROC" in page
    assert "Findings" in page
    written = json.loads((tmp_path / "r" / "report.json").read_text())
    assert written["up"] == 100
    assert written["findings"][0]["lp"] == 0
    assert "cat: up" in to_csv(report)
    assert "LP/suppressed, mirrored" in plain_table(report)


def test_bars_are_of_one_measure(report) -> None:
    assert {"up_map", "lp_map"} <= set(report.figures)
    drawn = drawn_names(report)
    assert {"up", "lp_mirrored", "hardened_lp"} <= set(drawn)
    assert not [name for name in drawn if name.endswith("_map")], "axis and chance are those of AUROC"


def test_sets_that_do_not_fit(tmp_path) -> None:
    def run(test, **more):
        return evaluate(model(), OUTPUTS, make_key(), test, lock_class=4, make_editor=PaintEditor, **more)

    with pytest.raises(DataError, match="has classes 'eel' that the model does not know"):
        run(pictures(names=("ant", "bee", "cat", "eel")))
    with pytest.raises(ConfigError, match="multilabel has no tiers"):
        run(pictures(), group_classes=(1,))
    fewer = run(pictures(names=("bee", "ant")), wrong_keys=0, examples=0)
    assert [one.name for one in fewer.findings] == ["ant", "bee"], "in the model's order"
    assert fewer.facts["left out, too few positives or negatives"] == "cat, dog"


def test_quick_hardened_lp() -> None:
    images = pictures()
    pixels = np.stack([np.asarray(images.open(place)) for place in range(len(images))])
    labels = np.pad(images.labels, ((0, 0), (0, 1)))
    quick = hardened_lp(model(), pixels, labels, lock_class=4, task=MultiLabelTask(), patients=images.patients)
    assert quick.value == 1
    assert quick.figures["lp"] == 1, "mirrored"
