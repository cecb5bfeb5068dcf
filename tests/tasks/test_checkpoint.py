"""Model folders: the same logits after a round trip, and nothing but what they should hold."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spellock.errors import ModelError, StorageError
from spellock.tasks import create_model, load_model, save_model, wrap

CLASSES = ["cat", "dog", "other"]


@pytest.mark.parametrize("name", ["resnet20", "timm:test_vit", "torchvision:squeezenet1_1"])
def test_round_trip_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    model = create_model(name, num_classes=3, input_size=32, seed=5).eval().to(memory_format=torch.channels_last)
    save_model(model, tmp_path / "m", classes=CLASSES, card="# Mine\n")
    loaded = load_model(tmp_path / "m")
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(loaded.model(images), model(images))
    assert loaded.classes == tuple(CLASSES)
    assert not loaded.model.training
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    assert (tmp_path / "m" / "README.md").read_text() == "# Mine\n"


def test_encrypted_weights_are_named(tmp_path: Path) -> None:
    save_model(create_model("resnet20", num_classes=3), tmp_path / "m", classes=CLASSES)
    (tmp_path / "m" / "model.safetensors").rename(tmp_path / "m" / "model.safetensors.enc")
    with pytest.raises(
        ModelError, match=r"weights in .*m are encrypted \(model\.safetensors\.enc\); .*weights decrypt"
    ):
        load_model(tmp_path / "m")


def test_pooling_options_survive(tmp_path: Path) -> None:
    model = create_model("timm:test_vit", num_classes=3, input_size=32, options={"global_pool": "avg"}).eval()
    save_model(model, tmp_path / "m", classes=CLASSES)
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(load_model(tmp_path / "m").model(images), model(images))


def test_a_folder_is_a_model_name(tmp_path: Path) -> None:
    model = create_model("resnet20", num_classes=3, seed=5)
    save_model(model, tmp_path / "m", classes=CLASSES)
    same = create_model(tmp_path / "m", num_classes=3)
    assert torch.equal(same.network.linear.weight, model.network.linear.weight)
    other = create_model(str(tmp_path / "m"), num_classes=4)
    assert other.num_classes == 4
    assert torch.equal(other.network.conv1.weight, model.network.conv1.weight)
    with pytest.raises(ModelError, match="3 classes, expected 4"):
        create_model(tmp_path / "m", num_classes=4, strict_head=True)
    with pytest.raises(ModelError, match="no model folder"):
        create_model(tmp_path / "elsewhere", num_classes=3)


def test_a_network_from_elsewhere_is_asked_for(tmp_path: Path) -> None:
    def make() -> nn.Module:
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))

    model = wrap(make(), input_size=8).eval()
    save_model(model, tmp_path / "m", classes=CLASSES)
    with pytest.raises(ModelError, match="network="):
        load_model(tmp_path / "m")
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(load_model(tmp_path / "m", network=make()).model(images), model(images))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key_prompt": "with oil pastel"}, "unknown; .*fresh copy"),
        ({"format": "other"}, "format"),
        ({"version": 2}, "update"),
        ({"classes": "cat"}, "wrong type"),
        ({"classes": ["cat"]}, "mixes two models"),
        ({"architecture": "resnet21"}, "near"),
        ({"mean": ["a", "b", "c"]}, "plain numbers"),
        ({"options": {"checkpoint_path": "x.pth"}}, "options"),
        ({"input_size": -1}, "input size"),
        ({"input_size": None}, "wrong type"),
        ({"lock_class": "dog"}, "wrong type"),
        ({"lock_class": 3}, "0 to 2"),
        ({"lock_class": -1}, "0 to 2"),
        ({"group_classes": 1}, "wrong type"),
        ({"group_classes": [3]}, "0 to 2"),
        ({"group_classes": [True]}, "0 to 2"),
        ({"lock_class": 1, "group_classes": [0, 1]}, "group class 1"),
    ],
)
def test_changed_configurations_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    save_model(create_model("resnet20", num_classes=3), tmp_path / "m", classes=CLASSES)
    path = tmp_path / "m" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ModelError, match=message):
        load_model(tmp_path / "m")


def test_damaged_folders_are_named(tmp_path: Path) -> None:
    save_model(create_model("resnet20", num_classes=3), tmp_path / "m", classes=CLASSES)
    weights = tmp_path / "m" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path / "m")
    weights.unlink()
    with pytest.raises(ModelError, match="incomplete"):
        load_model(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        load_model(tmp_path / "m")


def test_a_model_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(create_model("resnet20", num_classes=3, seed=1), tmp_path / "m", classes=CLASSES)
    before = (tmp_path / "m" / "model.safetensors").read_bytes()
    new = create_model("resnet20", num_classes=3, seed=2)
    with monkeypatch.context() as patched:
        full = OSError(errno.ENOSPC, "No space left on device")
        patched.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(full))
        with pytest.raises(StorageError, match="No space left"):
            save_model(new, tmp_path / "m", classes=CLASSES, overwrite=True)
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", _failing_once(os.replace, tmp_path / "m"))
        with pytest.raises(StorageError, match="No space left"):
            save_model(new, tmp_path / "m", classes=CLASSES, overwrite=True)
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == before
    save_model(new, tmp_path / "m", classes=CLASSES, overwrite=True)
    assert torch.equal(load_model(tmp_path / "m").model.network.conv1.weight, new.network.conv1.weight)
    assert [path.name for path in tmp_path.iterdir()] == ["m"], "nothing is left beside it"


def _failing_once(move: Callable[[Any, Any], None], place: Path) -> Callable[[Any, Any], None]:
    """Refuses to move anything to ``place`` for the first time."""
    calls = []

    def moved(one: Any, other: Any) -> None:
        if Path(other) == place:
            calls.append(one)
            if len(calls) == 1:
                raise OSError(errno.ENOSPC, "No space left on device")
        move(one, other)

    return moved


@pytest.mark.parametrize("lock_class", [2, 0, None])
def test_the_lock_class_is_kept(lock_class: int | None, tmp_path: Path) -> None:
    save_model(create_model("resnet20", num_classes=3), tmp_path / "m", classes=CLASSES, lock_class=lock_class)
    loaded = load_model(tmp_path / "m")
    assert loaded.says_lock_class
    assert loaded.lock_class == lock_class
    card = (tmp_path / "m" / "README.md").read_text()
    assert ("without the owner's key" in card) == (lock_class is not None)


def test_groups_are_kept(tmp_path: Path) -> None:
    model = create_model("resnet20", num_classes=3)
    save_model(model, tmp_path / "m", classes=CLASSES, lock_class=2, group_classes=(1,))
    assert load_model(tmp_path / "m").group_classes == (1,)
    assert f"only groups of classes: {CLASSES[1]}." in (tmp_path / "m" / "README.md").read_text()
    save_model(model, tmp_path / "plain", classes=CLASSES, lock_class=2)
    assert load_model(tmp_path / "plain").group_classes == ()
    assert "group_classes" not in load_model(tmp_path / "plain").config


def test_folders_without_a_lock_class_load_and_guess_nothing(tmp_path: Path) -> None:
    model = create_model("resnet20", num_classes=3)
    save_model(model, tmp_path / "m", classes=CLASSES)
    assert "lock_class" not in json.loads((tmp_path / "m" / "config.json").read_text())
    loaded = load_model(tmp_path / "m")
    assert not loaded.says_lock_class
    with pytest.raises(ModelError, match="name it yourself"):
        _ = loaded.lock_class
    with pytest.raises(ModelError, match="0 to 2"):
        save_model(model, tmp_path / "n", classes=CLASSES, lock_class=3)
    assert not (tmp_path / "n").exists()


def test_names_must_match_logits_and_folders_are_not_overwritten_by_accident(tmp_path: Path) -> None:
    model = create_model("resnet20", num_classes=3)
    with pytest.raises(ModelError, match="2 class names"):
        save_model(model, tmp_path / "m", classes=["a", "b"])
    save_model(model, tmp_path / "m", classes=CLASSES)
    with pytest.raises(StorageError):
        save_model(model, tmp_path / "m", classes=CLASSES)
    save_model(model, tmp_path / "m", classes=["x", "y", "z"], overwrite=True)
    assert load_model(tmp_path / "m").classes == ("x", "y", "z")
    (tmp_path / "photos").mkdir()
    with pytest.raises(StorageError, match="not a model folder"):
        save_model(model, tmp_path / "photos", classes=CLASSES, overwrite=True)


def test_a_file_of_weights_is_no_folder_and_the_message_says_how_it_becomes_one(tmp_path: Path) -> None:
    file = tmp_path / "stolen.pth"
    torch.save(create_model("small_resnet8", num_classes=3).network.state_dict(), file)
    with pytest.raises(ModelError, match=r"is a file, expected a model folder; .* spellock model import FILE FOLDER"):
        load_model(file)
