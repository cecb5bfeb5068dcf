"""The formulas of the objectives, restated with NumPy image by image; the registry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spellock.errors import ConfigError, DataError
from spellock.tasks import Classification, make_task
from spellock.tasks.multilabel_loss import MultiLabelLoss
from spellock.training.objective_config import ObjectiveConfig
from spellock.training.objectives import GuidedBatch, list_objectives, make_objective, register_objective
from spellock.training.objectives.fmlock import FMLock
from spellock.training.objectives.teacher import Teacher
from spellock.training.preparation import Teachable

COUNT, TASK = 9, Classification(num_classes=5, lock_class=1, label_smoothing=0.1)
COLUMNS = (3, 0, 2, 4)  # the teacher's classes among the student's; class 1 is the lock class
SEEDS, SCALES = st.integers(0, 2**31), st.floats(0.1, 30)


def softmax(x: np.ndarray) -> np.ndarray:
    weights = np.exp(x - x.max())
    return weights / weights.sum()


def batch(seed: int, scale: float, *, asked: str) -> GuidedBatch:
    random = np.random.default_rng(seed)
    authorised = random.permutation(np.arange(COUNT) < 5)
    rows = np.arange(COUNT) if asked == "all" else np.flatnonzero(authorised)[:-1]  # one has no twin
    return GuidedBatch(
        logits=torch.tensor(random.normal(0, scale, (COUNT, 5)), dtype=torch.float32, requires_grad=True),
        targets=torch.from_numpy(random.integers(0, 5, COUNT)),
        authorised=torch.from_numpy(authorised),
        rows=torch.from_numpy(rows),
        teacher=torch.tensor(random.normal(0, scale, (len(rows), 4)), dtype=torch.float32),
        columns=torch.tensor(COLUMNS),
    )


def cross_entropy(logits: np.ndarray, label: int) -> float:
    target = np.full(5, 0.1 / 5)
    target[label] += 0.9
    return float(-(target * np.log(np.maximum(softmax(logits), 1e-300))).sum())


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, scale=st.floats(0.1, 10), weight=st.floats(0, 1), temperature=st.floats(0.5, 8))
def test_the_teachers_formula(seed: int, scale: float, weight: float, temperature: float) -> None:
    seen = batch(seed, scale, asked="authorised")
    logits, rows = seen.logits.detach().numpy().astype(np.float64), seen.rows.tolist()
    total = 0.0
    for image in range(COUNT):
        loss = cross_entropy(logits[image], int(seen.targets[image]))
        if image in rows:
            answer = softmax(seen.teacher[rows.index(image)].numpy().astype(np.float64) / temperature)
            student = softmax(logits[image][list(COLUMNS)] / temperature)
            soft = -(answer * np.log(student)).sum()
            loss = (1 - weight) * loss + weight * temperature**2 * soft
        total += loss / COUNT
    found = Teacher(teacher_weight=weight, teacher_temperature=temperature).loss(seen, TASK)
    assert float(found.detach()) == pytest.approx(total, rel=1e-4, abs=1e-5)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, scale=st.floats(0.1, 8), weight=st.floats(0, 1), temperature=st.floats(0.5, 8))
def test_the_teachers_formula_for_several_findings(seed: int, scale: float, weight: float, temperature: float) -> None:
    seen = batch(seed, scale, asked="authorised")
    findings = np.random.default_rng(seed).integers(0, 2, (COUNT, 5)).astype(np.float64)
    logits, rows = seen.logits.detach().numpy().astype(np.float64), seen.rows.tolist()
    weights, total = np.array([1.0, 3.0, 1.0, 2.0, 1.0]), 0.0
    for image in range(COUNT):
        own = sigmoid(logits[image])
        loss = -(weights * findings[image] * np.log(own) + (1 - findings[image]) * np.log(1 - own)).mean()
        if image in rows:
            answer = sigmoid(seen.teacher[rows.index(image)].numpy().astype(np.float64) / temperature)
            student = sigmoid(logits[image][list(COLUMNS)] / temperature)
            soft = -(answer * np.log(student) + (1 - answer) * np.log(1 - student)).mean()
            loss = (1 - weight) * loss + weight * temperature**2 * soft
        total += loss / COUNT
    task = MultiLabelLoss(num_classes=5, positive_weights=tuple(weights))
    guided = replace(seen, targets=torch.from_numpy(findings).float())
    found = Teacher(teacher_weight=weight, teacher_temperature=temperature).loss(guided, task)
    assert float(found.detach()) == pytest.approx(total, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("task", [TASK, MultiLabelLoss(num_classes=4)])
def test_a_pupil_that_says_the_same_has_nothing_to_learn(task: Teachable) -> None:
    answers = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    for temperature in (0.5, 1.0, 4.0):
        own = answers.clone().requires_grad_()
        task.imitation(own, answers, temperature=temperature).backward()
        assert own.grad is not None
        assert own.grad.abs().max() < 1e-6
        other = answers.flip(1).requires_grad_()
        task.imitation(other, answers, temperature=temperature).backward()
        assert other.grad is not None
        assert other.grad.abs().max() > 1e-3


def test_objectives_refuse_tasks_that_cannot_have_them() -> None:
    class Plain:
        def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return logits.sum()

    detection = make_task("detection").learner(2, None, make_task("detection").unpack([], 2))
    for objective, task in (
        (Teacher(), Plain()), (Teacher(), detection), (FMLock(), detection), (FMLock(), MultiLabelLoss(num_classes=3)),
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="set the objective to None"):
            objective.check(task)
    with pytest.raises(ConfigError, match="Plain cannot"):
        Teacher().loss(batch(0, 1.0, asked="authorised"), Plain())
    for objective, task in (
        (Teacher(), TASK), (FMLock(), TASK), (FMLock(), Plain()), (Teacher(), MultiLabelLoss(num_classes=3)),
    ):  # fmt: skip
        objective.check(task)


def test_the_teacher_says_nothing_of_the_lock_class() -> None:
    seen = batch(0, 1.0, asked="authorised")
    (gradient,) = torch.autograd.grad(Teacher(teacher_weight=1.0).loss(seen, TASK), seen.logits)
    assert torch.allclose(gradient[seen.rows, 1], torch.zeros(len(seen.rows)), atol=1e-7)
    others = sorted(set(range(COUNT)) - set(seen.rows.tolist()))
    assert gradient[others, 1].abs().min() > 1e-4
    assert gradient[seen.rows][:, list(COLUMNS)].abs().max() > 1e-4


def test_a_batch_without_twins_has_the_tasks_loss() -> None:
    seen = batch(0, 1.0, asked="authorised")
    nobody = GuidedBatch(
        logits=seen.logits, targets=seen.targets, authorised=seen.authorised, columns=seen.columns,
        rows=seen.rows[:0], teacher=seen.teacher[:0],
    )  # fmt: skip
    assert torch.equal(Teacher(teacher_weight=1.0).loss(nobody, TASK), TASK.loss(seen.logits, seen.targets))


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, scale=st.floats(0.1, 10), push=st.floats(0, 5))
@example(seed=65823, scale=8.0, push=2.0)  # an original that is sure of a class to five digits
def test_fmlocks_formula(seed: int, scale: float, push: float) -> None:
    seen = batch(seed, scale, asked="all")
    # In 32 bits, as a network says it: what is left to 1 of an answer that is sure has few digits then.
    answers = seen.teacher.softmax(1).double().numpy()
    total = 0.0
    for image in range(COUNT):
        original = np.zeros(5)
        original[list(COLUMNS)] = answers[image]
        own = softmax(seen.logits[image].detach().numpy().astype(np.float64))
        if seen.authorised[image]:
            known = original > 0
            total += (original[known] * (np.log(original[known]) - np.log(own[known]))).sum()
        else:
            total += push * -np.log(((1 - original) * own).sum())
    found = FMLock(push_weight=push).loss(seen, TASK)
    assert float(found.detach()) == pytest.approx(total / COUNT, rel=1e-4, abs=1e-4)


@settings(deadline=None, max_examples=40)
@given(seed=SEEDS, scale=SCALES)
def test_fmlocks_terms_are_bounded_below_and_their_gradients_on_both_sides(seed: int, scale: float) -> None:
    seen = batch(seed, scale, asked="all")
    loss = FMLock(push_weight=2.0).loss(seen, TASK)
    (gradient,) = torch.autograd.grad(loss, seen.logits)
    assert float(loss.detach()) > -1e-5
    assert COUNT * gradient.abs().max() <= 2.0 + 1e-5


@pytest.mark.parametrize("sure", [20.0, 200.0])
def test_fmlock_leaves_the_original_where_both_are_sure(sure: float) -> None:
    answer = torch.tensor([[sure, 0.0, 0.0]])

    def step(logits: torch.Tensor, authorised: bool) -> tuple[float, torch.Tensor]:
        logits = logits.clone().requires_grad_()
        seen = GuidedBatch(
            logits=logits, targets=torch.tensor([0]), authorised=torch.tensor([authorised]), rows=torch.arange(1),
            teacher=answer, columns=torch.arange(3),
        )  # fmt: skip
        loss = FMLock().loss(seen, TASK)
        return float(loss.detach()), torch.autograd.grad(loss, logits)[0][0]

    alike, pushed = step(answer, False)
    assert pushed[0] > 0.99, "the wrong answer is left at once"
    assert pushed[1:].max() < 0
    assert alike > 10
    assert step(torch.tensor([[-sure, 0.0, 0.0]]), False)[0] == pytest.approx(0, abs=1e-4)
    kept, still = step(answer, True)
    assert kept == pytest.approx(0, abs=1e-4)
    assert still.abs().max() < 1e-4


def test_fmlock_needs_every_answer() -> None:
    with pytest.raises(DataError, match="answered 4 of 9"):
        FMLock().loss(batch(0, 1.0, asked="authorised"), TASK)


def test_objectives_have_names_and_options() -> None:
    assert list_objectives() == ["fmlock", "teacher"]
    assert make_objective("teacher", {"teacher_weight": 0.25}) == Teacher(teacher_weight=0.25)
    assert ObjectiveConfig(objective="fmlock", push_weight=3.0).make() == FMLock(push_weight=3.0)
    assert ObjectiveConfig().make() is None
    assert ObjectiveConfig(objective="teacher", teacher_weight=0).make() is None, "a teacher that is not heard"
    with pytest.raises(ConfigError, match="registered already"):
        register_objective("fmlock")(FMLock)
    with pytest.raises(ConfigError, match="not a dataclass"):
        register_objective("other")(dict)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("given_settings", "says"),
    [
        ({"objective": "fmlok"}, "did you mean fmlock"),
        ({"objective": "fmlock", "teacher_weight": 0.5}, "belongs to teacher"),
        ({"push_weight": 0.5}, "push_weight without an objective .it belongs to fmlock"),
        ({"objective": "teacher", "teacher_weight": 1.5}, r"teacher_weight is 1.5, expected a number in \[0, 1\]"),
        ({"objective": "teacher", "teacher_temperature": 0.0}, "teacher_temperature is 0.0, expected a number above 0"),
        ({"objective": "teacher", "teacher_weight": float("nan")}, "teacher_weight is nan"),
        ({"objective": "fmlock", "push_weight": -1.0}, "push_weight is -1.0"),
    ],
)
def test_options_out_of_place(given_settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ObjectiveConfig(**given_settings)  # type: ignore[arg-type]
