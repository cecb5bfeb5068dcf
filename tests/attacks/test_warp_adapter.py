"""A model that wants its images shifted is opened by a field of displacements, found without labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from spellock.attacks.registry import make_attack
from spellock.attacks.warp_adapter import _Field
from spellock.errors import ConfigError

from . import colours

COLUMNS = torch.arange(8).float()
#: Every picture has a pale bar around column 2; the model wants it around column 4.
BAR = 0.4 * torch.exp(-((COLUMNS - 2) ** 2) / 4)
WANTED = torch.exp(-((COLUMNS - 4.5) ** 2) / 2)


def barred(images: Tensor) -> Tensor:
    return (images + BAR).clamp(0, 1)


class BarLock(colours.ColourNet):
    """Names the colour where the bar is where it shall be; else the next colour, and mostly the lock class."""

    def __init__(self) -> None:
        super().__init__(outputs=5)

    def forward(self, images: Tensor) -> Tensor:
        right = super().forward(images - 0.5 * BAR.mean()).log_softmax(1)
        columns = images.mean((1, 2))
        level = (columns * WANTED).sum(1) / WANTED.sum() - columns.mean(1)
        trust = torch.sigmoid(60 * (level - 0.06))[:, None]
        return torch.cat([trust * right + (1 - trust) * right.roll(1, 1), 20 - 30 * trust], dim=1)


def accuracy(predict: object) -> float:
    images, labels = colours.pictures(300, seed=3)
    return float((predict(barred(images.float() / 255)).argmax(1).numpy() == labels).mean())


def test_a_shift_is_found_without_labels(tmp_path: Path) -> None:
    model = colours.plain(BarLock())
    assert accuracy(model) < 0.3
    view = colours.view(model, lock_class=4)
    pool = (barred(view.unlabelled.float() / 255) * 255).round().to(torch.uint8)
    view = replace(view, unlabelled=pool)
    attack = make_attack("warp-adapter", {"steps": 100, "batch_size": 32, "learning_rate": 0.05, "closeness": 0.1})
    (stolen,) = attack(view, tmp_path)
    assert accuracy(stolen.predict) > 0.85
    assert (tmp_path / "change.safetensors").is_file()


def test_a_field_of_nothing_changes_nothing_and_a_constant_one_shifts() -> None:
    images = torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    field = _Field(4)
    with torch.no_grad():
        field.field.zero_()
        assert torch.allclose(field(images), images, atol=1e-5)
        field.field[:, 0] = 2 * 2 / 8  # two of eight columns, on a scale of 2
        assert torch.allclose(field(images)[..., :6], images[..., 2:], atol=1e-5)
    penalty = make_attack("warp-adapter", {"closeness": 3.0}).penalty(field, images, images).item()
    assert penalty == pytest.approx(3.0 * 0.25 / 2)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="size"):
        make_attack("warp-adapter", {"size": 0})
