"""The locked model starts from the baseline where it is told to, and from the named model otherwise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from spellock.cli.main import main
from spellock.data.open_images import open_images
from spellock.errors import ConfigError
from spellock.keyfile import save_key
from spellock.locking.config import LockConfig
from spellock.recipes.lock_model import ModelChoice, lock_model
from spellock.tasks.checkpoint import load_model
from spellock.training.config import FinetuneConfig

from ..shades import write_shades
from ..tint_editor import tint_key

CHOICE = ModelChoice(name="small_resnet8", input_size=16)
#: Steps so small that a model stays where it starts, but for the statistics of its norms.
STILL = FinetuneConfig(epochs=1, batch_size=16, augment="none", learning_rate=1e-9, unauthorised_share=0.5)
LEARNING = replace(STILL, learning_rate=1e-2)
LOCK = LockConfig(raw_twins=True, validation=0.2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shades(tmp_path_factory.mktemp("data"), 20, size=(20, 24))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    network = load_model(folder).model.network
    return {name: value.detach().clone() for name, value in network.named_parameters()}


def furthest(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, float]:
    """For each parameter of one shape in both the largest difference."""
    return {
        name: float((value - other[name]).abs().max())
        for name, value in one.items()
        if value.shape == other[name].shape
    }


def test_it_starts_where_the_baseline_ended(folder: Path, tmp_path: Path) -> None:
    images, plain = open_images(folder), tmp_path / "plain"
    lock_model(images, tint_key(), plain, choice=CHOICE, lock=LOCK, training=LEARNING, baseline=True)
    learnt = weights(plain / "baseline")
    start = CHOICE.from_folder(plain / "baseline")
    assert (start.weights, start.pretrained) == (None, False)
    # In two runs, so that the second can stand still.
    lock_model(images, tint_key(), tmp_path / "still", choice=start, lock=LOCK, training=STILL)
    moved = furthest(learnt, weights(tmp_path / "still" / "model"))
    assert len(moved) > 8, "all but the classifier, which has a class more"
    assert len(learnt) - len(moved) == 2
    assert max(moved.values()) < 1e-6

    made = lock_model(
        images, tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=LEARNING, from_baseline=True
    )  # fmt: skip
    assert made.baseline == tmp_path / "out" / "baseline"
    assert furthest(learnt, weights(made.baseline)) == dict.fromkeys(learnt, 0.0), "the same baseline as without"
    by_hand = lock_model(images, tint_key(), tmp_path / "hand", choice=start, lock=LOCK, training=LEARNING)
    assert made.model is not None and by_hand.model is not None  # noqa: PT018
    assert (made.model / "model.safetensors").read_bytes() == (by_hand.model / "model.safetensors").read_bytes()
    fresh = weights(plain / "model")
    assert max(furthest(fresh, weights(made.model)).values()) > 1e-2


def test_the_same_call_again_changes_nothing(folder: Path, tmp_path: Path) -> None:
    def lock() -> bytes:
        made = lock_model(
            open_images(folder), tint_key(), tmp_path / "out", choice=CHOICE, lock=LOCK, training=LEARNING,
            from_baseline=True,
        )  # fmt: skip
        assert made.model is not None
        return (made.model / "model.safetensors").read_bytes()

    assert lock() == lock()


def test_without_a_model_it_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no model is trained"):
        lock_model(
            open_images(folder), tint_key(), tmp_path / "out", choice=None, lock=LOCK, training=STILL,
            from_baseline=True,
        )  # fmt: skip
    assert not (tmp_path / "out").exists()


def test_by_the_command_with_a_teacher(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "test.key"
    save_key(tint_key(), key, passphrase=None, plain=True)
    words = ["lock", str(folder), "--key", str(key), "--out", str(tmp_path / "out"), "--model", "small_resnet8"]
    words += ["--input-size", "16", "--epochs", "1", "--batch-size", "16", "--augment", "none", "--decoy-share", "0"]
    words += ["--validation", "0.2"]
    assert main([*words, "--from-baseline"]) == 0, capsys.readouterr().err
    model = load_model(tmp_path / "out" / "model")
    pixels = torch.from_numpy(np.zeros((1, 3, 16, 16), dtype=np.float32))
    assert model.model(pixels).shape[1] == len(model.classes)
    assert load_model(tmp_path / "out" / "baseline").classes == ("dark", "light")
