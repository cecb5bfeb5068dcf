"""A run goes on with the settings, images, labels and start weights that it was begun with, and with no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import training_toy as toy
from test_finetune import CONFIG, dropping, train

from spellock.errors import ConfigError, ModelError
from spellock.training.preparation import run_identity


def test_another_run_in_the_folder_is_refused(tmp_path: Path) -> None:
    train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1, warmup_epochs=0))
    with pytest.raises(ConfigError, match="learning_rate differ"):
        train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1, warmup_epochs=0, learning_rate=1.0))
    with pytest.raises(ConfigError, match="labels differ"):
        train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1, warmup_epochs=0), labels=toy.labels()[::-1])
    state = tmp_path / "run" / "checkpoint" / "state.safetensors"
    state.write_bytes(state.read_bytes()[:900])
    with pytest.raises(ModelError, match="damaged"):
        train(tmp_path / "run", dropping(), replace(CONFIG, epochs=1, warmup_epochs=0))


def test_a_run_on_other_pixels_under_the_same_labels_is_refused(tmp_path: Path) -> None:
    short = replace(CONFIG, epochs=1, warmup_epochs=0)
    train(tmp_path / "run", dropping(), short)
    changed = toy.images()
    changed[17] = 255 - changed[17]
    with pytest.raises(ConfigError, match=r"pixels differ: the images have changed since.*remove it to start again"):
        train(tmp_path / "run", dropping(), short, images=changed)
    assert train(tmp_path / "run", dropping(), short)[1].resumed_from == 1


def test_a_run_from_other_start_weights_is_refused(tmp_path: Path) -> None:
    short = replace(CONFIG, epochs=1, warmup_epochs=0)
    train(tmp_path / "run", toy.model(), short)
    with pytest.raises(ConfigError, match=r"\(start differ: the model starts from other weights.*another folder"):
        train(tmp_path / "run", toy.model(seed=1), short)
    with pytest.raises(ConfigError, match="start differ"):  # another architecture
        train(tmp_path / "run", dropping(), short)
    assert train(tmp_path / "run", toy.model(), short)[1].resumed_from == 1


def test_a_checkpoint_from_before_pixels_were_told_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = replace(CONFIG, epochs=1, warmup_epochs=0)
    old = run_identity

    def without(*arguments: object) -> dict[str, object]:
        return {name: value for name, value in old(*arguments).items() if name not in ("pixels", "start")}  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("spellock.training.finetune.run_identity", without)
        train(tmp_path / "run", dropping(), short)
    assert train(tmp_path / "run", dropping(), short)[1].resumed_from == 1
