"""Small changes of the input, trained through the model, open locks with a small trigger."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from spellock.attacks.input_adapter import _Adapter
from spellock.attacks.registry import make_attack
from spellock.attacks.trigger_inversion import _Trigger
from spellock.errors import ConfigError

from . import colours


class CornerLock(colours.ColourNet):
    """Names the colour where the corner is white; else the next colour, and mostly the lock class."""

    def __init__(self) -> None:
        super().__init__(outputs=5)

    def forward(self, images: Tensor) -> Tensor:
        # Bounded, so that brightening everything does not drown the lock class.
        right = super().forward(images).log_softmax(1)
        trust = torch.sigmoid(12 * (images[:, :, :2, :2].mean((1, 2, 3)) - 0.6))[:, None]
        return torch.cat([trust * right + (1 - trust) * right.roll(1, 1), 20 - 30 * trust], dim=1)


def test_a_trigger_is_found_without_labels(tmp_path: Path) -> None:
    model = colours.plain(CornerLock())
    assert colours.argmax(model) < 0.3
    attack = make_attack("trigger-inversion", {"steps": 80, "batch_size": 32})
    (stolen,) = attack(colours.view(model, lock_class=4), tmp_path)
    assert colours.accuracy(stolen.predict) > 0.9
    assert (tmp_path / "change.safetensors").is_file()


def test_the_mask_stays_small_where_it_does_not_matter() -> None:
    seen: list[Tensor] = []

    class Watching(CornerLock):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images.detach())
            return super().forward(images)

    view = colours.view(colours.plain(Watching()), lock_class=4)
    (stolen,) = make_attack("trigger-inversion", {"steps": 80, "batch_size": 32, "sparsity": 4.0})(view)
    images, _ = colours.pictures(50, seed=3)
    seen.clear()
    stolen.predict(images.float() / 255)
    change = (seen[0] - images.float() / 255).abs().mean((0, 1))
    assert float(change[:2, :2].mean()) > 5 * float(change[4:, 4:].mean())


def test_an_adapter_learns_an_inversion_from_labels() -> None:
    model = colours.locked(before=lambda images: 1 - images)
    assert colours.argmax(model) < 0.4
    view = colours.view(model, **colours.with_labels(60))
    (stolen,) = make_attack("input-adapter", {"objective": "labels", "steps": 80, "batch_size": 32})(view)
    assert colours.accuracy(stolen.predict) > 0.9


def test_an_adapter_drives_the_lock_class_out_without_labels() -> None:
    model = colours.plain(CornerLock())
    (stolen,) = make_attack("input-adapter", {"steps": 80, "batch_size": 32, "learning_rate": 0.03})(
        colours.view(model, lock_class=4)
    )
    assert colours.accuracy(stolen.predict) > 0.9


def test_changes_begin_near_the_identity_and_need_their_data() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(_Adapter(4)(images), images)
    trigger = _Trigger(8)
    mask, pattern = trigger.strength(), (trigger.pattern.tanh() + 1) / 2
    assert float(mask.detach().max()) < 0.3
    assert torch.allclose(trigger(images), images + mask * (pattern - images))
    with pytest.raises(ConfigError, match="labels"):
        make_attack("input-adapter", {"objective": "labels"})(colours.view(colours.locked()))
    with pytest.raises(ConfigError, match="objective"):
        make_attack("trigger-inversion", {"objective": "none"})
