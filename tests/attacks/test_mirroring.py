"""A thief mirrors images where the locked model's training did, or as the attack is told; never otherwise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from spellock.attacks.customer import Customer
from spellock.attacks.mirroring import half_mirrored
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError

from . import colours

TRAINING = ["finetune", "pruning", "key-places", "knockoff", "few-call"]


@pytest.fixture
def turned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Batches that were mirrored, by their sizes."""
    seen: list[int] = []

    def noted(pixels: torch.Tensor, draws: np.random.Generator) -> torch.Tensor:
        seen.append(len(pixels))
        return half_mirrored(pixels, draws)

    for module in ("labelled_training", "student"):
        monkeypatch.setattr(f"spellock.attacks.{module}.half_mirrored", noted)
    return seen


def attack(name: str, *, mirrored: bool, flip: str | None) -> None:
    answers = np.eye(colours.CLASSES, dtype=np.float32)[np.arange(200) % colours.CLASSES]
    view = colours.view(
        colours.trained(), mirrored=mirrored, customer=Customer(answers, limit=20), **colours.with_labels(12)
    )
    make_attack(name, {"steps": 2, "batch_size": 8} | ({} if flip is None else {"flip": flip}))(view)


@pytest.mark.parametrize("name", TRAINING)
def test_it_follows_the_locked_model_unless_told(name: str, turned: list[int]) -> None:
    for mirrored, flip in ((False, None), (False, "follow"), (True, "no")):
        attack(name, mirrored=mirrored, flip=flip)
        assert not turned
    for mirrored, flip in ((True, None), (False, "yes")):
        attack(name, mirrored=mirrored, flip=flip)
        assert turned
        turned.clear()
    with pytest.raises(ConfigError, match="option flip is 'sometimes', expected one of follow, yes, no"):
        make_attack(name, {"flip": "sometimes"})


def test_half_of_a_batch_is_mirrored() -> None:
    pixels = torch.arange(3.0).expand(100, 3, 2, 3)
    found = half_mirrored(pixels, np.random.default_rng(0))
    turned = (found[:, 0, 0, 0] == 2).numpy()
    assert 30 < turned.sum() < 70
    assert torch.equal(found[turned], pixels[:1].flip(-1).expand(int(turned.sum()), 3, 2, 3))
    assert torch.equal(found[~turned], pixels[: int((~turned).sum())])
