"""The classification loss against Eq. 2 and cross-entropy written out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError, DataError
from spellock.tasks import Classification


def written_out(logits: torch.Tensor, labels: torch.Tensor, smoothing: float) -> torch.Tensor:
    log_p = logits - logits.exp().sum(1, keepdim=True).log()
    target = torch.full_like(logits, smoothing / logits.shape[1])
    target[torch.arange(len(labels)), labels] += 1 - smoothing
    return -(target * log_p).sum(1).mean()


@given(seed=st.integers(0, 1000), smoothing=st.floats(0, 0.9))
def test_loss_is_cross_entropy(seed: int, smoothing: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(6, 4, generator=generator)
    labels = torch.randint(0, 4, (6,), generator=generator)
    task = Classification(num_classes=4, label_smoothing=smoothing)
    torch.testing.assert_close(task.loss(logits, labels), written_out(logits, labels, smoothing))
    one_hot = torch.eye(4)[labels]
    torch.testing.assert_close(task.loss(logits, one_hot), task.loss(logits, labels))


@given(locked=st.integers(1, 7))
def test_batch_mean_is_equation_2_with_the_share_as_weight(locked: int) -> None:
    torch.manual_seed(locked)
    logits, labels = torch.randn(8, 3), torch.randint(0, 3, (8,))
    task = Classification(num_classes=3, lock_class=2)
    locking, learning = task.loss(logits[:locked], labels[:locked]), task.loss(logits[locked:], labels[locked:])
    share = locked / 8
    torch.testing.assert_close(task.loss(logits, labels), share * locking + (1 - share) * learning)
    if locked == 4:
        torch.testing.assert_close(2 * task.loss(logits, labels), locking + learning)


def test_accuracy_counts_the_lock_class_like_any_other() -> None:
    logits = torch.tensor([[3.0, 0, 0], [0, 0, 3.0], [0, 3.0, 0], [0, 0, 3.0]])
    assert Classification(num_classes=3, lock_class=2).accuracy(logits, torch.tensor([0, 0, 1, 2])) == 0.75


@pytest.mark.parametrize(
    "settings", [{"num_classes": 1}, {"num_classes": 3, "lock_class": 3}, {"num_classes": 3, "label_smoothing": 1.0}]
)
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        Classification(**settings)  # type: ignore[arg-type]


def test_logits_of_another_width() -> None:
    with pytest.raises(DataError, match="4 classes, expected 3"):
        Classification(num_classes=3).loss(torch.zeros(2, 4), torch.zeros(2, dtype=torch.long))
