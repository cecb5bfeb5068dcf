"""Which learning rate a thief's training ends with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from spellock.attacks.labelled_training import RATES, LabelledTraining
from spellock.attacks.view import AttackerView

from . import colours


class Sure(nn.Module):
    """Right or wrong about the darkness of all images, more or less surely."""

    def __init__(self, logit: float, *, right: bool = True) -> None:
        super().__init__()
        self.logit, self.right = logit, right

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        dark = images.mean((1, 2, 3)) < 0.5
        return self.logit * torch.stack([dark == self.right, dark != self.right], dim=1).float()


def chosen(monkeypatch: pytest.MonkeyPatch, model: Callable[[float], nn.Module]) -> float:
    """The rate, where training at a rate gives ``model``."""
    pixels = torch.zeros(20, 3, 8, 8, dtype=torch.uint8)
    pixels[10:] = 255
    start = colours.locked(before=lambda images: images)
    held = {"unlabelled": pixels, "labelled": pixels, "labels": np.arange(20) // 10}
    view = AttackerView(classes=2, model=start, **held)
    monkeypatch.setattr(LabelledTraining, "_trained", lambda self, start, view, chosen, real, rate, *_: model(rate))
    training = LabelledTraining(prepare=lambda model: (model, []), steps=1, batch_size=1, flip=False, name="test")
    (stolen,) = training(view, start, np.arange(2), None)
    return float(stolen.found["learning rate"])


@pytest.mark.parametrize("best", RATES)
def test_of_equal_accuracies_the_lowest_loss_decides(monkeypatch: pytest.MonkeyPatch, best: float) -> None:
    assert chosen(monkeypatch, lambda rate: Sure(5.0 if rate == best else 1.0)) == best


@pytest.mark.parametrize("best", RATES)
def test_a_higher_accuracy_comes_before_any_loss(monkeypatch: pytest.MonkeyPatch, best: float) -> None:
    # Wrong with half a heart costs less than it would to be sure, and is wrong all the same.
    assert chosen(monkeypatch, lambda rate: Sure(0.1) if rate == best else Sure(0.01, right=False)) == best


def test_a_loss_that_is_no_number_is_the_worst(monkeypatch: pytest.MonkeyPatch) -> None:
    class Lost(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return Sure(5.0)(images).masked_fill(Sure(5.0)(images) == 0, float("nan"))

    assert chosen(monkeypatch, lambda rate: Lost() if rate == RATES[0] else Sure(-5.0)) == RATES[1]
