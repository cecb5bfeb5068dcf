"""Hugging Face's Trainer with the callback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spellock.errors import ConfigError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.unlocking import unlock_module

from .networks import SECRET, bits

transformers = pytest.importorskip("transformers")


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(6, 16)
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 2)

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.norm(self.fc1(x)).relu())
        return {"loss": nn.functional.cross_entropy(logits, labels), "logits": logits}


def test_training_stays_inside_the_key(tmp_path: Path) -> None:
    from spellock.weightlocks.trainer import ConfineCallback

    torch.manual_seed(0)
    model = Classifier()
    whole = bits(model)
    key = lock_module(
        model, WeightLockConfig(select=SelectConfig(fraction=0.3, norms="frozen", biases="frozen")), secret=SECRET
    )
    unlock_module(model, key)
    callback = ConfineCallback(key)
    with pytest.raises(ConfigError, match="training has not ended"):
        _ = callback.new_key
    x = torch.randn(32, 6)
    rows: list[dict[str, Any]] = [{"x": row, "labels": int(row[0] > 0)} for row in x]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=3, per_device_train_batch_size=8, learning_rate=0.05,
        weight_decay=0.2, report_to=[], save_strategy="no", use_cpu=True, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    transformers.Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[callback]).train()
    new = callback.new_key
    assert new.version == 2
    after = bits(model)
    assert after["head.weight"] != whole["head.weight"]
    assert after["fc1.bias"] == whole["fc1.bias"]
    assert after["norm.weight"] == whole["norm.weight"]
    outside = ~key.places["fc1.weight"].mask()
    before = torch.frombuffer(bytearray(whole["fc1.weight"]), dtype=torch.float32).reshape(16, 6)
    assert torch.equal(model.fc1.weight[outside], before[outside])
    assert not torch.equal(model.fc1.weight, before)
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(("share", "exact"), [(0.0, 0), (0.5, 6), (1.0, 12)])
def test_a_key_of_4_bits_learns_exactly_for_a_share_of_the_steps(tmp_path: Path, share: float, exact: int) -> None:
    from spellock.weightlocks.rounded_steps import EXACT_VALUES
    from spellock.weightlocks.trainer import ConfineCallback

    rounds: list[bool] = []

    class Seen(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, *_: object, **kwargs: Any) -> None:
            rounds.append(EXACT_VALUES in kwargs["optimizer"].state)

    model = Classifier()
    select = SelectConfig(fraction=0.5, granularity="scalar")
    key = lock_module(model, WeightLockConfig(select=select, coding="int4"), secret=SECRET)
    unlock_module(model, key)
    rows: list[dict[str, Any]] = [{"x": row, "labels": int(row[0] > 0)} for row in torch.randn(32, 6)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=3, per_device_train_batch_size=8, report_to=[],
        save_strategy="no", use_cpu=True, disable_tqdm=True, logging_strategy="no",
    )  # fmt: skip
    confining = ConfineCallback(key, rounded_from=share)
    transformers.Trainer(model=model, args=arguments, train_dataset=rows, callbacks=[confining, Seen()]).train()
    assert rounds == [False] * exact + [True] * (12 - exact)
    assert confining.new_key.version == 2
    with pytest.raises(ConfigError, match="expected a share of the steps from 0 to 1"):
        ConfineCallback(key, rounded_from=2)
