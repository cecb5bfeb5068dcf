"""Encrypted model folders are opened in memory, with and without a lock's key."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from spellock.errors import ConfigError, KeyFileError, ModelError
from spellock.tasks.checkpoint import load_model, save_model
from spellock.tasks.models import create_model
from spellock.unlocking.model_folder import open_model
from spellock.unlocking.unlocked_model import UnlockedModel
from spellock.weightlocks.encrypted_model import encrypt_model
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module

SECRET = bytes(range(32))
IMAGES = torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def _save(folder: Path) -> None:
    model = create_model("small_resnet8", num_classes=3, input_size=16, seed=0)
    save_model(model, folder, classes=("a", "b", "c"), lock_class=None)


def test_what_comes_out_is_what_went_in(tmp_path: Path) -> None:
    _save(tmp_path / "m")
    key = FileKey.new()
    encrypt_model(tmp_path / "m", tmp_path / "m.enc", key)
    before = sorted(path.name for path in (tmp_path / "m.enc").iterdir())
    opened, plain = open_model(tmp_path / "m.enc", decrypt=key), load_model(tmp_path / "m")
    assert opened.classes == plain.classes
    assert not opened.model.training
    assert torch.equal(opened.model(IMAGES), plain.model(IMAGES))
    unlocked = UnlockedModel.from_pretrained(tmp_path / "m.enc", key=None, decrypt=key)
    of_plain = UnlockedModel(plain.model, plain.classes, None)
    assert [one.probability for one in unlocked(IMAGES)] == [one.probability for one in of_plain(IMAGES)]
    assert sorted(path.name for path in (tmp_path / "m.enc").iterdir()) == before, "nothing plain was written"


def test_a_weight_lock_below_the_encryption(tmp_path: Path) -> None:
    _save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    wanted = UnlockedModel(load_model(tmp_path / "m").model, loaded.classes, None)(IMAGES)
    lock = lock_module(loaded.model.network, WeightLockConfig(coding="exact"), secret=SECRET)
    save_model(loaded.model, tmp_path / "keyed", classes=loaded.classes, lock_class=None)
    key = FileKey.new()
    encrypt_model(tmp_path / "keyed", tmp_path / "keyed.enc", key)
    unlocked = UnlockedModel.from_pretrained(tmp_path / "keyed.enc", key=lock, decrypt=key)
    assert [one.probability for one in unlocked(IMAGES)] == [one.probability for one in wanted]


def test_what_does_not_go_together(tmp_path: Path) -> None:
    _save(tmp_path / "m")
    key = FileKey.new()
    encrypt_model(tmp_path / "m", tmp_path / "m.enc", key)
    with pytest.raises(ModelError, match=r"are encrypted \(model\.safetensors\.enc\); give .* --decrypt-key"):
        open_model(tmp_path / "m.enc")
    with pytest.raises(KeyFileError, match="does not open"):
        open_model(tmp_path / "m.enc", decrypt=FileKey.new())
    with pytest.raises(ModelError, match=r"plain weights; leave the key of encrypted weights out"):
        open_model(tmp_path / "m", decrypt=key)
    with pytest.raises(ConfigError, match="got no key"):
        UnlockedModel.from_pretrained(tmp_path / "m", key=None)
