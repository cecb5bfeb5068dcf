"""The loop: it learns, resumes to the byte, keeps the best epoch, and fails in sentences."""

from __future__ import annotations

import csv
import itertools
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import training_toy as toy
from torch import nn

from spellock.errors import ConfigError, DataError, MissingExtraError, StorageError, TrainingError
from spellock.tasks import Classification, PixelModel, wrap
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import FinetuneResult, finetune

CONFIG = FinetuneConfig(epochs=3, batch_size=16, learning_rate=3e-3, unauthorised_share=0.25, precision="fp32")


class Kill(BaseException):
    """Stands for a kill: nothing in the library may catch it."""


def train(
    out: Path, model: PixelModel | None = None, config: FinetuneConfig = CONFIG, **changes: object
) -> tuple[PixelModel, FinetuneResult]:
    model = model or toy.model()
    arguments = {
        "images": toy.images(),
        "labels": toy.labels(),
        "task": toy.TASK,
        "authorised": toy.authorised(),
    } | changes
    return model, finetune(model, config=config, out=out, **arguments)  # type: ignore[arg-type]


def weights(model: nn.Module) -> list[bytes]:
    return [tensor.contiguous().numpy().tobytes() for tensor in model.state_dict().values()]


def test_it_learns_and_writes_its_log_and_configuration(tmp_path: Path) -> None:
    model, result = train(tmp_path / "run", config=replace(CONFIG, epochs=6), validate=toy.accuracy)
    assert toy.accuracy(model)["score"] > 0.9
    assert not model.training
    rows = list(csv.DictReader((tmp_path / "run" / "log.csv").open()))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "learning_rate", "images_per_second", "validation_score"} <= rows[0].keys()
    assert lines == [dict(row) for row in result.history]
    assert result.history[-1]["loss"] < 0.5 * result.history[0]["loss"]
    saved = json.loads((tmp_path / "run" / "config.json").read_text())
    assert saved["unauthorised_share"] == 0.25
    assert saved["images"] == toy.COUNT
    assert "highest validation score" in json.loads((tmp_path / "run" / "result.json").read_text())["rule"]


class Dropping(nn.Module):
    """Dropout draws from torch's global state, the hard part of resuming."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout2d(0.3))
        self.head = nn.Linear(8, toy.CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.layers(x).mean((2, 3)))


def dropping() -> PixelModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return wrap(Dropping(), input_size=12)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("killed_after", [1, 2])
def test_a_killed_run_resumes_to_the_same_bytes(tmp_path: Path, optimizer: str, killed_after: int) -> None:
    config = replace(CONFIG, optimizer=optimizer, mixup=0.3, cutmix=0.3, layer_decay=0.8, label_smoothing=0.1)
    whole, _ = train(tmp_path / "whole", dropping(), config)
    calls = 0

    def killing(model: PixelModel) -> dict[str, float]:
        nonlocal calls
        calls += 1
        if calls > killed_after:
            raise Kill
        return {"score": float(calls)}

    with pytest.raises(Kill):
        train(tmp_path / "killed", dropping(), config, validate=killing)
    rising = itertools.count(100.0)
    resumed, result = train(tmp_path / "killed", dropping(), config, validate=lambda _: {"score": next(rising)})
    assert result.resumed_from == killed_after
    assert [row["epoch"] for row in result.history] == [1, 2, 3]
    again, _ = train(tmp_path / "killed", dropping(), config)  # finished: nothing left to do
    assert result.best_epoch == 3
    assert weights(resumed) == weights(whole)
    assert weights(again) == weights(whole)


def test_a_process_killed_in_mid_epoch_resumes_to_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import os, sys, pathlib; sys.path.insert(0, sys.argv[1]); import torch; torch.set_num_threads(1)\n"
        "import spellock.training.epoch as epoch; from test_finetune import train, dropping\n"
        "real, count = epoch.EpochTrainer._step, [0]\n"
        "def step(self, loss):\n"
        "    count[0] += 1\n"
        "    if count[0] == 10: os.kill(os.getpid(), 9)\n"
        "    return real(self, loss)\n"
        "epoch.EpochTrainer._step = step\n"
        "train(pathlib.Path(sys.argv[2]), dropping())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent), str(tmp_path / "killed")],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    resumed, result = train(tmp_path / "killed", dropping())
    assert result.resumed_from == 1  # seven steps an epoch
    assert weights(resumed) == weights(train(tmp_path / "whole", dropping())[0])


def test_no_global_random_state_is_touched(tmp_path: Path) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1, mixup=0.2))
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())


def test_seeds_matter_and_repeat(tmp_path: Path) -> None:
    short = replace(CONFIG, epochs=1)
    first, same = (weights(train(tmp_path / name, dropping(), short)[0]) for name in "ab")
    other = weights(train(tmp_path / "c", dropping(), replace(short, seed=1))[0])
    assert first == same
    assert first != other


@pytest.mark.parametrize(
    ("scores", "best"),
    [([0.5, 0.9, 0.7], 2), ([0.5, 0.9, 0.9], 2), ([float("nan"), 0.1, 0.0], 2), ([0.3, 0.2, 0.1], 1)],
)
def test_the_best_epoch_is_kept_and_the_earlier_of_equals(tmp_path: Path, scores: list[float], best: int) -> None:
    seen: list[list[bytes]] = []

    def validate(model: PixelModel) -> dict[str, float]:
        assert not model.training
        seen.append(weights(model))
        return {"score": scores[len(seen) - 1]}

    model, result = train(tmp_path / "run", dropping(), validate=validate)
    assert result.best_epoch == best
    assert result.best_score == scores[best - 1]
    assert weights(model) == seen[best - 1]
    assert [path.name for path in (tmp_path / "run" / "checkpoint").glob("best-*")] == [f"best-{best:05d}.safetensors"]


def test_without_a_score_that_is_a_number_the_last_epoch_is_kept(tmp_path: Path) -> None:
    model, result = train(tmp_path / "run", toy.model(), validate=lambda _: {"score": float("nan")})
    assert (result.best_epoch, result.best_score, result.rule) == (3, None, "the last epoch")
    assert weights(model) == weights(train(tmp_path / "plain", toy.model())[0])


def test_an_exploding_loss_is_one_sentence_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    class Exploding(Classification):
        calls = 0

        def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            type(self).calls += 1
            return super().loss(logits, targets) * (float("nan") if self.calls > 9 else 1.0)

    with pytest.raises(TrainingError, match=r"epoch 2, step 3: the loss is nan; lower the learning rate"):
        train(tmp_path / "run", task=Exploding(num_classes=toy.CLASSES))
    _, result = train(tmp_path / "run", task=toy.TASK)
    assert result.resumed_from == 1


def test_a_learning_rate_beyond_reason_is_caught(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="lower the learning rate"):
        train(tmp_path / "run", dropping(), replace(CONFIG, learning_rate=1e38, optimizer="sgd", grad_clip=None))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"labels": np.zeros(3, int)}, DataError, "one each"),
        ({"labels": toy.labels() + 1}, DataError, "expected 0 to 2"),
        ({"authorised": np.ones(4, bool)}, DataError, "authorised"),
        ({"authorised": None}, ConfigError, "authorised"),
        ({"images": toy.images() / 255}, DataError, "uint8"),
        ({"select": "hardened"}, ConfigError, "hardened"),
        ({"labels": np.zeros(96, int), "task": Classification(num_classes=4)}, DataError, "expected 4"),
    ],
)
def test_arguments_that_do_not_fit(
    tmp_path: Path, changes: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1), validate=toy.accuracy, **changes)


def test_an_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="file"):
        train(tmp_path / "file", dropping(), replace(CONFIG, epochs=1))


def test_any_task_with_a_loss_works(tmp_path: Path) -> None:
    class MultiLabel:
        def loss(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
            return nn.functional.binary_cross_entropy_with_logits(logits, targets)

    several = np.eye(toy.CLASSES, dtype=np.float32)[toy.labels()]
    _, result = train(tmp_path / "run", dropping(), replace(CONFIG, mixup=0.0), task=MultiLabel(), labels=several)
    assert result.history[-1]["loss"] < result.history[0]["loss"]
    for setting in ({"mixup": 0.5}, {"label_smoothing": 0.1}):
        with pytest.raises(ConfigError):
            train(tmp_path / "other", dropping(), replace(CONFIG, **setting), task=MultiLabel(), labels=several)


def test_bfloat16_trains_too(tmp_path: Path) -> None:
    _, result = train(tmp_path / "run", dropping(), replace(CONFIG, precision="bf16"))
    assert result.history[-1]["loss"] < result.history[0]["loss"]


def test_tensorboard_names_its_extra_where_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r"spellock\[tensorboard\]"):
        train(tmp_path / "run", dropping(), replace(CONFIG, tensorboard=True))


@pytest.mark.parametrize(
    "setting",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"layer_decay": 1.5},
        {"unauthorised_share": 1.0},
        {"optimizer": "lion"},
        {"warmup_epochs": 99},
        {"learning_rate": float("nan")},
        {"grad_clip": 0.0},
        {"augment": "colour"},
    ],
)
def test_settings_out_of_range(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=next(iter(setting))):
        FinetuneConfig(**setting)  # type: ignore[arg-type]
