"""Weights by name, of modules and files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from spellock.errors import ModelError
from spellock.tasks.models import create_model
from spellock.weightlocks.kinds import Kind, head_tensors, kind_of
from spellock.weightlocks.states import FileState, ModuleState

from .networks import TiedText, small_net


def test_tied_weights_count_once() -> None:
    state = ModuleState(TiedText())
    assert "embed.weight" in state.infos
    assert "lm_head.weight" not in state.infos
    known = ModuleState(TiedText(), known=["lm_head.weight"])
    assert "lm_head.weight" in known.infos
    assert "embed.weight" not in known.infos


def test_partly_shared_memory_is_refused() -> None:
    net = nn.Module()
    whole = torch.zeros(6, 2)
    net.register_buffer("a", whole)
    net.register_buffer("b", whole[:3])
    with pytest.raises(ModelError, match="b and a share a part of their memory"):
        ModuleState(net)


@pytest.mark.filterwarnings("ignore:.*quantize_per_tensor")
def test_packed_weights_are_refused() -> None:
    net = nn.Module()
    net.register_buffer("a", torch.quantize_per_tensor(torch.zeros(3), 0.1, 0, torch.qint8))
    with pytest.raises(ModelError, match="before it is quantised"):
        ModuleState(net)


def test_models_without_values_are_refused() -> None:
    with torch.device("meta"):
        net = nn.Linear(2, 2)
    with pytest.raises(ModelError, match="load the weights first"):
        ModuleState(net)


def test_files_and_modules_give_the_same(tmp_path: Path) -> None:
    net = small_net()
    tensors = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    save_file(tensors, tmp_path / "m.safetensors")
    file, module = FileState(tmp_path / "m.safetensors"), ModuleState(net)
    assert dict(file.infos) == dict(module.infos)
    assert all(torch.equal(file[name], module[name]) for name in module.infos)


def test_shards_of_a_folder(tmp_path: Path) -> None:
    save_file({"a": torch.ones(2)}, tmp_path / "one.safetensors")
    save_file({"b": torch.zeros(3)}, tmp_path / "two.safetensors")
    index = {"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    state = FileState(tmp_path)
    assert set(state.infos) == {"a", "b"}
    assert state.in_file(tmp_path / "two.safetensors") == ["b"]
    index["weight_map"]["b"] = "../two.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelError, match="outside its folder"):
        FileState(tmp_path)


def test_what_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"expected a \.safetensors file or a folder"):
        FileState(tmp_path)
    (tmp_path / "m.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="damaged or no safetensors"):
        FileState(tmp_path / "m.safetensors")


def test_kinds() -> None:
    infos = ModuleState(small_net()).infos
    assert {name: kind_of(name, infos) for name in infos if name.startswith(("conv1", "bn1"))} == {
        "conv1.weight": Kind.MATRIX,
        "conv1.bias": Kind.BIAS,
        "bn1.weight": Kind.BATCH_GAIN,
        "bn1.bias": Kind.BIAS,
        "bn1.running_mean": Kind.STATISTIC,
        "bn1.running_var": Kind.STATISTIC,
        "bn1.num_batches_tracked": Kind.STATISTIC,
    }
    text = ModuleState(TiedText()).infos
    assert kind_of("norm.weight", text) is Kind.GAIN


def test_heads_of_real_networks() -> None:
    timm = pytest.importorskip("timm")
    for name, head in (("resnet18", "fc."), ("vit_tiny_patch16_224", "head."), ("convnext_atto", "head.fc."),
                       ("densenet121", "classifier.")):  # fmt: skip
        infos = ModuleState(timm.create_model(name)).infos
        found = head_tensors(infos)
        assert {f"{head}weight", f"{head}bias"} <= set(found), name


@pytest.mark.parametrize(
    ("name", "head"),
    [("fasterrcnn_tiny", "roi_heads.box_predictor."), ("retinanet_tiny", "head.classification_head.cls_logits.")],
)
def test_heads_of_detectors(name: str, head: str) -> None:
    found = head_tensors(ModuleState(create_model(name, num_classes=2, input_size=64, seed=0).network).infos)
    assert found
    assert all(one.startswith(head) for one in found)
