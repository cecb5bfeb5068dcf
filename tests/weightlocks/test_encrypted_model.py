"""Encrypted folders, and networks filled from encrypted weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from spellock.errors import KeyFileError, ModelError, StorageError
from spellock.tasks import create_model, save_model
from spellock.weightlocks.encrypted_model import NOTE, decrypt_model, encrypt_model, load_encrypted

from .encrypted_samples import KEY, OTHER_KEY
from .safetensors_samples import a_file, same


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(create_model("small_resnet8", num_classes=3), tmp_path / "model", classes=["a", "b", "c"])
    return tmp_path / "model"


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_comes_back(tmp_path: Path, folder: Path) -> None:
    written = encrypt_model(folder, tmp_path / "enc", KEY)
    assert [each.path for each in written] == [tmp_path / "enc" / "model.safetensors.enc"]
    assert files(tmp_path / "enc").keys() == {"model.safetensors.enc", "config.json", "README.md"}
    assert (tmp_path / "enc" / "README.md").read_bytes() == files(folder)["README.md"] + NOTE.encode()
    assert decrypt_model(tmp_path / "enc", tmp_path / "back", KEY)[0].path == tmp_path / "back" / "model.safetensors"
    assert files(tmp_path / "back") == files(folder)


def test_single_files_and_shards(tmp_path: Path) -> None:
    assert encrypt_model(a_file(tmp_path / "plain"), tmp_path / "enc", KEY)[0].path == tmp_path / "enc"
    decrypt_model(tmp_path / "enc", tmp_path / "back", KEY)
    assert (tmp_path / "back").read_bytes() == (tmp_path / "plain").read_bytes()
    (tmp_path / "shards").mkdir()
    for number in (1, 2):
        a_file(tmp_path / "shards" / f"model-{number}.safetensors", {f"t{number}": torch.ones(number)})
    (tmp_path / "shards" / "model.safetensors.index.json").write_text("{}")
    (tmp_path / "shards" / ".gitattributes").write_text("left out")
    assert len(encrypt_model(tmp_path / "shards", tmp_path / "shards.enc", KEY)) == 2
    assert (tmp_path / "shards.enc" / "model-2.safetensors.enc").is_file()
    assert not (tmp_path / "shards.enc" / ".gitattributes").exists()
    with pytest.raises(ModelError, match="index"):
        encrypt_model(tmp_path / "shards", tmp_path / "hidden", KEY, hide_names=True)


def test_folders_with_other_things_are_refused(tmp_path: Path, folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"the weights once more")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin"):
        encrypt_model(folder, tmp_path / "enc", KEY)
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="holds no"):
        encrypt_model(folder, tmp_path / "enc", KEY)
    assert not (tmp_path / "enc").exists()


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path, folder: Path) -> None:
    encrypt_model(folder, tmp_path / "enc", KEY)
    with pytest.raises(StorageError, match="exists already"):
        encrypt_model(folder, tmp_path / "enc", KEY)
    with pytest.raises(KeyFileError):
        decrypt_model(tmp_path / "enc", tmp_path / "back", OTHER_KEY)
    assert {path.name for path in tmp_path.iterdir()} == {"model", "enc"}


def test_a_network_is_filled(tmp_path: Path, folder: Path) -> None:
    encrypt_model(folder, tmp_path / "enc", KEY, hide_names=True)
    before = create_model("small_resnet8", num_classes=3, seed=1).network
    expected = create_model("small_resnet8", num_classes=3).network.state_dict()
    assert not torch.equal(before.state_dict()["stem.weight"], expected["stem.weight"])
    assert load_encrypted(before, tmp_path / "enc", KEY) is before
    assert all(same(value, expected[name]) for name, value in before.state_dict().items())
    assert all(parameter.requires_grad for parameter in before.parameters())
    load_encrypted(before, tmp_path / "enc" / "model.safetensors.enc", KEY)


def encrypted(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    save_file(tensors, folder / "w.safetensors")
    encrypt_model(folder / "w.safetensors", folder / "w.enc", KEY)
    (folder / "w.safetensors").unlink()
    return folder / "w.enc"


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"weight": torch.zeros(2, 3)}, "lacks 'bias'"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)}, "holds 'more'"),
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, r"'weight' is \[3, 2\], expected \[2, 3\]"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(tmp_path: Path, tensors: dict[str, torch.Tensor], said: str) -> None:
    layer = nn.Linear(3, 2)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ModelError, match=said):
        load_encrypted(layer, encrypted(tmp_path, tensors), KEY)
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


def test_of_shared_tensors_one_is_enough(tmp_path: Path) -> None:
    network = nn.ModuleDict({"into": nn.Linear(3, 3, bias=False), "out": nn.Linear(3, 3, bias=False)})
    network["out"].weight = network["into"].weight
    load_encrypted(network, encrypted(tmp_path, {"into.weight": torch.eye(3)}), KEY)
    assert torch.equal(network["out"].weight, torch.eye(3))


def test_networks_without_memory_are_refused(tmp_path: Path) -> None:
    path = encrypted(tmp_path, {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)})
    with pytest.raises(ModelError, match="real device"):
        load_encrypted(nn.Linear(3, 2, device="meta"), path, KEY)
    with pytest.raises(ModelError, match="no encrypted weights"):
        load_encrypted(nn.Linear(3, 2), tmp_path, KEY)
