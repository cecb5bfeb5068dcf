"""The multi-label task: its losses against their formulas, its labels, and the registry of tasks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data import numpy_images, numpy_vectors
from spellock.errors import ConfigError, DataError
from spellock.tasks import Classification, MultiLabelTask, list_tasks, make_task
from spellock.tasks.multilabel_loss import MultiLabelLoss, asymmetric_loss

NAMES = ("edema", "mass", "hernia")
LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0], [1, 0, 0]])


def images(labels=LABELS, **more):
    return numpy_vectors(np.zeros((len(labels), 2, 2), np.uint8), labels, NAMES, **more)


@settings(deadline=None)
@given(st.floats(-12, 12), st.integers(0, 1), st.floats(0, 5), st.floats(0, 3), st.sampled_from([0.0, 0.05, 0.3]))
def test_asymmetric_loss_is_equation_7(logit, target, gamma_neg, gamma_pos, clip) -> None:
    p = 1 / (1 + math.exp(-logit))
    shifted = max(p - clip, 0)
    positive, negative = (1 - p) ** gamma_pos * math.log(p), shifted**gamma_neg * math.log(1 - shifted)
    expected = -positive if target else -negative
    found = asymmetric_loss(
        torch.tensor([[logit]], dtype=torch.float64),
        torch.tensor([[float(target)]], dtype=torch.float64),
        gamma_neg=gamma_neg,
        gamma_pos=gamma_pos,
        clip=clip,
    )
    assert float(found) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("asymmetric", [None, (0.0, 0.0, 0.0)])
def test_without_focusing_it_is_weighted_cross_entropy(asymmetric) -> None:
    logits, targets = torch.tensor([[2.0, -1.0], [0.5, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    p = torch.sigmoid(logits)
    weights = torch.tensor([3.0, 1.5])
    expected = -(weights * targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    learner = MultiLabelLoss(num_classes=2, asymmetric=asymmetric, positive_weights=(3.0, 1.5))
    assert float(learner.loss(logits, targets)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("gammas", [{}, {"gamma_neg": 0.5, "gamma_pos": 0.5}])
def test_large_logits_stay_finite(clip, gammas) -> None:
    logits = torch.tensor([[200.0, -200.0]], requires_grad=True)
    for targets in (torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])):
        loss = asymmetric_loss(logits, targets, clip=clip, **gammas).sum()
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_balanced_weights_are_negatives_over_positives() -> None:
    learner = MultiLabelTask(positive_weights="balanced").learner(4, 3, LABELS)
    assert learner.positive_weights == (1.0, 5.0, 5.0, 1.0), "never below 1, and 1 for the extra label"
    rare = np.zeros((100, 2), int)
    rare[0, 0] = 1
    assert MultiLabelTask(positive_weights="balanced").learner(2, None, rare).positive_weights == (20.0, 20.0)
    assert MultiLabelTask().learner(4, 3, LABELS) == MultiLabelLoss(num_classes=4)


def test_targets_of_another_width_are_refused() -> None:
    with pytest.raises(DataError, match=r"expected \(N, 3\)"):
        MultiLabelLoss(num_classes=3).loss(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ConfigError, match="one each"):
        MultiLabelLoss(num_classes=3, positive_weights=(1.0,))


def test_labels_to_json_and_back() -> None:
    task = MultiLabelTask()
    packed = task.pack(LABELS)
    assert packed == [[0], [0, 1], [], [0, 2], [], [0]]
    assert np.array_equal(task.unpack(packed, 3), LABELS)
    assert task.widen(LABELS, 5).tolist() == [[*row, 0, 0] for row in LABELS.tolist()]
    assert task.align(LABELS, NAMES, ("mass", "gout", "edema")).tolist() == [[b, 0, a] for a, b, _ in LABELS.tolist()]
    assert task.in_words(LABELS[3], NAMES) == "edema|hernia"
    assert task.in_words(LABELS[2], NAMES) == "No Finding"
    assert task.targets(LABELS).dtype == np.float32


def test_strata_are_the_rarest_finding() -> None:
    assert MultiLabelTask().strata(LABELS).tolist() == [0, 1, 3, 2, 3, 0]


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 60), st.floats(0, 1), st.integers(0, 1000))
def test_taking_a_share(count, share, seed) -> None:
    draws = np.random.default_rng(seed)
    labels = draws.integers(0, 2, (count, 3))
    ranks = draws.integers(2**63, size=count).astype(np.uint64)
    whole = images(labels, patients=[f"{n // 3}" for n in range(count)])
    taken = MultiLabelTask().take(whole, share, ranks, minimum=1)
    assert taken.sum() >= 1
    assert abs(taken.sum() - share * count) <= 5
    held = MultiLabelTask().hold_out(whole, share, ranks)
    assert all(len(set(held[start : start + 3])) == 1 for start in range(0, count, 3)), "patients stay together"


def test_answers_and_probabilities() -> None:
    task, other = MultiLabelTask(), make_task("classification")
    logits = torch.tensor([[0.0, 2.0, -2.0]])
    chances = task.probabilities(logits)
    assert chances[0].tolist() == pytest.approx([0.5, 1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))])
    assert task.answer(chances[0].numpy(), None) == [1, 0, 2]
    assert task.answer(chances[0].numpy(), 2) == [1, 0]
    assert other.answer(chances[0].numpy(), None) == [1]
    assert float(other.probabilities(logits).sum()) == pytest.approx(1)


def test_what_cannot_be_learnt_is_refused() -> None:
    task = MultiLabelTask()
    task.check_trainable(images())
    with pytest.raises(DataError, match="every label is the same"):
        task.check_trainable(images(np.zeros((4, 3), int)))
    with pytest.raises(DataError, match="at least two"):
        task.check_trainable(images(LABELS[:1]))
    single = numpy_images(np.zeros((4, 2, 2), np.uint8), [0, 1, 0, 1], ["a", "b"])
    with pytest.raises(DataError, match="one label an image"):
        task.check_trainable(single)
    assert task.unlocked(LABELS[:0], 3) == [0, 1, 2]
    assert task.unlocked(LABELS[2:3], 3) == []


def test_the_registry() -> None:
    assert list_tasks() == ["classification", "detection", "multilabel"]
    assert make_task("multilabel", {"loss": "asymmetric"}).learner(2, None, LABELS).asymmetric == (4.0, 1.0, 0.05)
    assert isinstance(make_task("classification").learner(2, None, LABELS[:, 0]), Classification)
    for name, options, says in (
        ("multilable", {}, "did you mean multilabel"),
        ("x", {}, "there are classification, detection, multilabel"),
        ("classification", {"clip": 0.1}, "has no option 'clip', none at all"),
        ("multilabel", {"focus": 1}, "has no option 'focus', only clip"),
        ("multilabel", {"loss": "hinge"}, "expected bce or asymmetric"),
        ("multilabel", {"clip": 1.0}, "a clip in"),
        ("multilabel", {"positive_weights": "all"}, "expected none or balanced"),
    ):
        with pytest.raises(ConfigError, match=says):
            make_task(name, options)
