"""The rule by which a checkpoint is chosen, against plain restatements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from spellock.data.annotation import Annotation, as_labels
from spellock.recipes.scores import can_judge
from spellock.recipes.selection import LockScore, PlainScore, accuracy
from spellock.tasks.pixel_model import PixelModel, wrap
from spellock.tasks.registry import make_task

from ..box_sets import squares


class Reader(nn.Module):
    """Logits are written in an image's first row, red channel: K numbers."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.head = nn.Linear(1, classes)

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, : self.classes]


def reader(classes: int) -> PixelModel:
    return wrap(Reader(classes), input_size=8, mean=(0, 0, 0), std=(1, 1, 1))


def pictures(logits: list[list[int]]) -> np.ndarray:
    images = np.zeros((len(logits), 8, 8, 3), dtype=np.uint8)
    images[:, 0, : len(logits[0]), 0] = logits
    return images


LABELS = np.array([0, 1, 0, 1, 0, 1, 0, 1])
RIGHT = pictures([[200, 0, 0], [0, 200, 0]] * 4)
#: The lock class wins everywhere; below it, the true class does.
HIDDEN = pictures([[100, 0, 255], [0, 100, 255]] * 4)
#: The lock class wins and below it class 0 always does: chance.
FLAT = pictures([[100, 50, 255]] * 8)


def test_accuracy() -> None:
    assert accuracy(reader(3), RIGHT, LABELS, label="x") == 1
    assert accuracy(reader(3), HIDDEN, LABELS, label="x") == 0


def test_a_hidden_answer_counts_against_the_lock() -> None:
    score = LockScore(raw=HIDDEN, edited=RIGHT, labels=LABELS, lock_class=2)(reader(3))
    assert score["up"] == 1
    assert score["lp"] == 0
    assert score["lp_suppressed"] == 1
    assert score["hardened_lp"] == 1
    assert score["score"] == pytest.approx(0.98)


def test_a_flat_answer_does_not() -> None:
    score = LockScore(raw=FLAT, edited=RIGHT, labels=LABELS, lock_class=2)(reader(3))
    assert score["lp"] == 0
    assert score["hardened_lp"] <= 0.5
    assert score["score"] == pytest.approx(score["up"] - 0.02 * score["hardened_lp"])


def test_few_images_are_no_error() -> None:
    score = LockScore(raw=HIDDEN[:3], edited=RIGHT[:3], labels=LABELS[:3], lock_class=2)(reader(3))
    assert score["score"] == 1


def test_what_checkpoints_can_be_judged_by() -> None:
    several, boxes = make_task("multilabel"), make_task("detection")
    empty = Annotation.empty("a", (8, 8), masks=False)
    full = squares(2, masks=False).labels[1]
    assert can_judge(make_task("classification"), LABELS[:1])
    assert not can_judge(several, np.array([[0, 1], [0, 1]]))
    assert can_judge(several, np.array([[0, 1], [1, 1]]))
    assert not can_judge(boxes, as_labels([empty]))
    assert can_judge(boxes, as_labels([empty, full]))


def test_the_baselines_rule_is_accuracy() -> None:
    images = np.concatenate([RIGHT[:6], RIGHT[:2][::-1]])
    assert PlainScore(raw=images, labels=LABELS)(reader(2)) == {"score": 0.75}


def test_the_models_mode_is_put_back() -> None:
    model = reader(3)
    model.train()
    PlainScore(raw=RIGHT, labels=LABELS)(model)
    assert model.training
    assert torch.is_grad_enabled()
