"""Keyed models on disk: the same as in memory, in little memory, complete or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from spellock.errors import ModelError, StorageError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.model_files import lock_files, unlock_files
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.weight_payload import payload_of

from .networks import SECRET, small_net

CONFIG = WeightLockConfig(select=SelectConfig(fraction=0.3))


def tensors() -> dict[str, torch.Tensor]:
    return {name: tensor.contiguous() for name, tensor in small_net().state_dict().items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = tmp_path / "model"
    model.mkdir()
    save_file(tensors(), model / "model.safetensors", metadata={"format": "pt"})
    (model / "config.json").write_text('{"a": 1}')
    (model / "README.md").write_text("# Mine\n")
    (model / "pytorch_model.bin").write_bytes(b"the whole model in the clear")
    return model


def test_files_are_locked_as_modules_are(folder: Path, tmp_path: Path) -> None:
    key = lock_files(folder, tmp_path / "keyed", CONFIG, secret=SECRET)
    net = small_net()
    other = lock_module(net, CONFIG, secret=SECRET)
    keyed = load_file(tmp_path / "keyed" / "model.safetensors")
    assert all(torch.equal(keyed[name], tensor) for name, tensor in net.state_dict().items())
    assert key.model_digest == other.model_digest
    assert {n: p.indices.tolist() for n, p in key.places.items()} == {
        n: p.indices.tolist() for n, p in other.places.items()
    }
    unlock_files(tmp_path / "keyed", tmp_path / "whole", key)
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    assert whole.keys() == tensors().keys()
    assert all(torch.equal(whole[name], tensor) for name, tensor in tensors().items())
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()


def test_what_goes_along(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lock_files(folder, tmp_path / "keyed", CONFIG)
    assert sorted(path.name for path in (tmp_path / "keyed").iterdir()) == [
        "README.md", "config.json", "model.safetensors",
    ]  # fmt: skip
    assert "# A keyed model" in (tmp_path / "keyed" / "README.md").read_text()
    assert "# Mine" in (tmp_path / "keyed" / "README.md").read_text()
    assert "pytorch_model.bin" in caplog.text


def test_cards_say_what_the_weights_are(folder: Path, tmp_path: Path) -> None:
    (folder / "w.key.settings.json").write_text("{}")
    key = lock_files(folder, tmp_path / "keyed", CONFIG)
    assert not (tmp_path / "keyed" / "w.key.settings.json").exists()
    unlock_files(tmp_path / "keyed", tmp_path / "whole", key)
    card = (tmp_path / "whole" / "README.md").read_text()
    assert card.startswith("# An unlocked model")
    assert "taken out" not in card
    assert card.count("# Mine") == 1
    lock_files(tmp_path / "whole", tmp_path / "again", CONFIG)
    again = (tmp_path / "again" / "README.md").read_text()
    assert again == (tmp_path / "keyed" / "README.md").read_text()


def test_a_single_file_and_shards(tmp_path: Path) -> None:
    save_file(tensors(), tmp_path / "m.safetensors")
    one = lock_files(tmp_path / "m.safetensors", tmp_path / "keyed1", CONFIG, secret=SECRET)
    shards = tmp_path / "shards"
    shards.mkdir()
    names = sorted(tensors())
    parts = {"model-1-of-2.safetensors": names[::2], "model-2-of-2.safetensors": names[1::2]}
    for file, some in parts.items():
        save_file({name: tensors()[name] for name in some}, shards / file)
    index = {"weight_map": {name: file for file, some in parts.items() for name in some}}
    (shards / "model.safetensors.index.json").write_text(json.dumps(index))
    two = lock_files(shards, tmp_path / "keyed2", CONFIG, secret=SECRET)
    assert {n: p.indices.tolist() for n, p in one.places.items()} == {
        n: p.indices.tolist() for n, p in two.places.items()
    }
    unlock_files(tmp_path / "keyed2", tmp_path / "whole", two)
    assert json.loads((tmp_path / "whole" / "model.safetensors.index.json").read_text()) == index
    for file in parts:
        assert (tmp_path / "whole" / file).read_bytes() == (shards / file).read_bytes()


def test_a_folder_of_links_as_in_the_cache_of_hugging_face(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    for path in folder.iterdir():
        (tmp_path / "snapshot" / path.name).symlink_to(path)
    lock_files(tmp_path / "snapshot", tmp_path / "keyed", CONFIG)
    assert (tmp_path / "keyed" / "config.json").read_text() == '{"a": 1}'
    assert not any(path.is_symlink() for path in (tmp_path / "keyed").iterdir())


def test_a_single_shard_is_written_as_a_whole_model(tmp_path: Path) -> None:
    shard = tmp_path / "shard"
    shard.mkdir()
    save_file(tensors(), shard / "model-1-of-1.safetensors")
    index = {"weight_map": dict.fromkeys(tensors(), "model-1-of-1.safetensors")}
    (shard / "model.safetensors.index.json").write_text(json.dumps(index))
    lock_files(shard, tmp_path / "keyed", CONFIG)
    assert sorted(path.name for path in (tmp_path / "keyed").iterdir()) == ["README.md", "model.safetensors"]


def test_an_altered_model_leaves_nothing_behind(folder: Path, tmp_path: Path) -> None:
    key = lock_files(folder, tmp_path / "keyed", CONFIG)
    path = tmp_path / "keyed" / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match="or was altered"):
        unlock_files(tmp_path / "keyed", tmp_path / "whole", key)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["keyed", "model"]
    unlock_files(tmp_path / "keyed", tmp_path / "whole", key, check=False)


def test_existing_folders_stay(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "keyed").mkdir()
    with pytest.raises(StorageError, match="exists already"):
        lock_files(folder, tmp_path / "keyed", CONFIG)


def test_the_same_secret_gives_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    keys = [lock_files(folder, tmp_path / name, CONFIG, secret=SECRET) for name in ("a", "b")]
    assert (tmp_path / "a" / "model.safetensors").read_bytes() == (tmp_path / "b" / "model.safetensors").read_bytes()
    assert payload_of(keys[0]) == payload_of(keys[1])


def test_released_bytes_hold_nothing_of_the_key(folder: Path, tmp_path: Path) -> None:
    key = lock_files(folder, tmp_path / "keyed", CONFIG, secret=SECRET)
    released = b"".join(path.read_bytes() for path in (tmp_path / "keyed").iterdir())
    assert SECRET not in released
    assert SECRET.hex().encode() not in released
    for name, values in key.values.items():
        if values.is_floating_point() and "running" not in name:
            for row in values.float().numpy():
                assert row.tobytes() not in released or len(row) < 2
