"""Adapting a keyed model: it learns, and nothing but the key changes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from spellock.data.memory import numpy_images
from spellock.errors import ConfigError, DataError, ModelError
from spellock.recipes.adapt import adapt
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model
from spellock.training.config import FinetuneConfig
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.model_files import lock_files
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.unlocking import unlock_module
from spellock.weightlocks.weight_key import WeightKey

from ..key_samples import a_key

CLASSES = ("dark", "bright", "later")
TRAINING = FinetuneConfig(epochs=6, batch_size=16, learning_rate=0.01, augment="none", validate_every=2)


def pictures(count: int = 60, classes: tuple[str, ...] = CLASSES[:2]) -> object:
    """Dark and bright noise."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 2
    pixels = generator.integers(0, 128, (count, 16, 16, 3)) + 127 * labels[:, None, None, None]
    return numpy_images(pixels.astype(np.uint8), labels, list(classes), name="noise")


@pytest.fixture
def keyed(tmp_path: Path) -> tuple[Path, WeightKey]:
    model = create_model("small_resnet8", num_classes=3, input_size=16, seed=0)
    save_model(model, tmp_path / "model", classes=CLASSES, lock_class=None)
    config = WeightLockConfig(select=SelectConfig(fraction=0.2))
    return tmp_path / "keyed", lock_files(tmp_path / "model", tmp_path / "keyed", config)


def accuracy(folder: Path, key: WeightKey | None) -> float:
    model = load_model(folder).model
    if key is not None:
        unlock_module(model.network, key)
    images = pictures()
    x = torch.stack([torch.from_numpy(np.array(images.open(i))) for i in range(60)])  # type: ignore[attr-defined]
    with torch.inference_mode():
        found = model(x.permute(0, 3, 1, 2).float() / 255).argmax(1).numpy()
    return float((found == images.labels).mean())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("coding", "rounded_from"), [("int4", 0.0), ("int4-delta", 0.67), ("int4", 1.0)])
def test_rounded_keys_stay_rounded_and_what_they_open_is_measured(
    coding: str, rounded_from: float, tmp_path: Path
) -> None:
    model = create_model("small_resnet8", num_classes=3, input_size=16, seed=0)
    save_model(model, tmp_path / "model", classes=CLASSES, lock_class=None)
    deltas = coding.endswith("delta")
    config = WeightLockConfig(select=SelectConfig(fraction=0.2), coding=coding, fill="public" if deltas else "gaussian")
    key = lock_files(tmp_path / "model", tmp_path / "keyed", config, public=tmp_path / "model" if deltas else None)
    run = tmp_path / "run"
    adapted = adapt(tmp_path / "keyed", key, pictures(), run, TRAINING, validation=0.5, rounded_from=rounded_from)  # type: ignore[arg-type]
    assert adapted.key.coding == coding
    assert adapted.key.value_bytes == key.value_bytes
    assert any(not torch.equal(adapted.key.values[name], key.values[name]) for name in key.values)
    assert adapted.score is not None
    chosen = json.loads((run / "result.json").read_text())
    assert chosen["best_score"] == pytest.approx(adapted.score), "the best epoch is chosen by what the key opens"
    # All pictures: those held out are half of them, so their number of right ones is at most that of all.
    assert 30 * adapted.score <= 60 * accuracy(tmp_path / "keyed", adapted.key) <= 30 * (1 + adapted.score)


def test_it_learns_inside_the_key_and_resumes(keyed: tuple[Path, WeightKey], tmp_path: Path) -> None:
    folder, key = keyed
    before = (folder / "model.safetensors").read_bytes()
    adapted = adapt(folder, key, pictures(), tmp_path / "run", TRAINING)  # type: ignore[arg-type]
    assert adapted.key.version == 2
    assert adapted.score is not None
    assert adapted.score > 0.9
    assert accuracy(folder, adapted.key) > 0.9
    assert accuracy(folder, key) < 0.8
    assert (folder / "model.safetensors").read_bytes() == before
    whole, shipped = load_model(folder).model.network, load_file(folder / "model.safetensors")
    unlock_module(whole, adapted.key)
    for name, tensor in whole.state_dict().items():
        place = adapted.key.places.get(name)
        outside = torch.ones(tensor.shape, dtype=torch.bool) if place is None else ~place.mask()
        assert torch.equal(tensor[outside], shipped[name][outside]), name
    again = adapt(folder, key, pictures(), tmp_path / "run", TRAINING)  # type: ignore[arg-type]
    assert all(torch.equal(value, again.key.values[name]) for name, value in adapted.key.values.items())


def test_a_second_version_starts_from_the_first(keyed: tuple[Path, WeightKey], tmp_path: Path) -> None:
    folder, key = keyed
    first = adapt(folder, key, pictures(), tmp_path / "one", TRAINING).key  # type: ignore[arg-type]
    second = adapt(folder, first, pictures(), tmp_path / "two", TRAINING, validation=0)  # type: ignore[arg-type]
    assert second.key.version == 3
    assert second.score is None
    assert accuracy(folder, second.key) > 0.9


def test_what_cannot_be_adapted(keyed: tuple[Path, WeightKey], tmp_path: Path) -> None:
    folder, key = keyed
    run = tmp_path / "run"
    with pytest.raises(ConfigError, match="a part of a key to train in"):
        adapt(folder, part_of(key, 0.5), pictures(), run, TRAINING)  # type: ignore[arg-type]
    assert not run.exists()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for inside in (folder, folder / "logs", tmp_path / "model"):
        with pytest.raises(ConfigError, match="for logs and checkpoints, which is a model's folder"):
            adapt(folder, key, pictures(), inside, TRAINING)  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    with pytest.raises(ConfigError, match="wants edited images"):
        adapt(folder, key.replace(image_key=a_key()), pictures(), run, TRAINING)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"validation is 0\.7"):
        adapt(folder, key, pictures(), run, TRAINING, validation=0.7)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"rounded_from is 1\.5"):
        adapt(folder, key, pictures(), run, TRAINING, rounded_from=1.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="has the class 'grey', which the model has not"):
        adapt(folder, key, pictures(classes=("dark", "grey")), run, TRAINING)  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="is not the keyed model of this key"):
        adapt(tmp_path / "model", key, pictures(), run, TRAINING)  # type: ignore[arg-type]
