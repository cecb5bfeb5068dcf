"""Weights files: layouts, wrappers, class counts, damage."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from spellock.errors import ModelError
from spellock.tasks import create_model, load_weights, read_weights
from spellock.tasks.networks.cifar_resnet import CifarResNet


def state(classes: int = 10, depth: int = 20) -> dict[str, torch.Tensor]:
    torch.manual_seed(7)
    return CifarResNet(depth=depth, num_classes=classes).state_dict()


def wrapped(layout: str) -> object:
    plain = state()
    return {
        "bare": plain,
        "th": {"state_dict": {f"module.{k}": v for k, v in plain.items()}, "best_prec1": 91.7},
        "mae": {"model": plain, "args": argparse.Namespace(lr=0.1), "epoch": 3},
        "compiled": {"state_dict": {f"module._orig_mod.{k}": v for k, v in plain.items()}},
    }[layout]


@pytest.mark.parametrize("layout", ["bare", "th", "mae", "compiled"])
def test_usual_wrappings_are_unwrapped(layout: str, tmp_path: Path) -> None:
    torch.save(wrapped(layout), tmp_path / "w.pth")
    model = create_model("resnet20", num_classes=10, weights=tmp_path / "w.pth")
    expected = state()
    assert all(torch.equal(value, expected[name]) for name, value in model.network.state_dict().items())


def test_half_precision_safetensors_become_float32(tmp_path: Path) -> None:
    save_file({k: v.half() if v.is_floating_point() else v for k, v in state().items()}, tmp_path / "w.safetensors")
    weight = create_model("resnet20", num_classes=10, weights=tmp_path / "w.safetensors").network.conv1.weight
    assert weight.dtype == torch.float32
    torch.testing.assert_close(weight.detach(), state()["conv1.weight"], atol=1e-3, rtol=1e-3)


def test_another_class_count_starts_the_classifier_anew_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(state(10), tmp_path / "w.pth")
    fresh = create_model("resnet20", num_classes=11, seed=1).network
    with caplog.at_level(logging.WARNING):
        model = create_model("resnet20", num_classes=11, weights=tmp_path / "w.pth", seed=1).network
    assert "10 classes" in caplog.text
    assert "11" in caplog.text
    assert torch.equal(model.linear.weight, fresh.linear.weight)
    assert torch.equal(model.conv1.weight, state()["conv1.weight"])
    report = load_weights(model, tmp_path / "w.pth")
    assert (report.file_classes, report.head_reinitialised) == (10, True)
    assert set(report.missing) == {"linear.weight", "linear.bias"}


def test_another_class_count_can_be_refused(tmp_path: Path) -> None:
    torch.save(state(10), tmp_path / "w.pth")
    with pytest.raises(ModelError, match="10 classes, expected 11"):
        create_model("resnet20", num_classes=11, weights=tmp_path / "w.pth", strict_head=True)


def test_unexpected_entries_are_reported(tmp_path: Path) -> None:
    torch.save(state() | {"projector.weight": torch.zeros(2)}, tmp_path / "w.pth")
    report = load_weights(CifarResNet(depth=20, num_classes=10), tmp_path / "w.pth")
    assert report.unexpected == ("projector.weight",)
    assert not report.missing
    assert not report.head_reinitialised


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    torch.save(state(depth=20), tmp_path / "w.pth")
    with pytest.raises(ModelError, match="another architecture"):
        create_model("resnet32", num_classes=10, weights=tmp_path / "w.pth")
    torch.save(state() | {"conv1.weight": torch.zeros(16, 1, 3, 3)}, tmp_path / "v.pth")
    with pytest.raises(ModelError, match=r"conv1\.weight of shape \(16, 1, 3, 3\)"):
        create_model("resnet20", num_classes=10, weights=tmp_path / "v.pth")


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return (exec, ("raise SystemExit('code ran')",))


def test_files_that_would_run_code_are_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": Evil()}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match=r"cannot read .*holds more than tensors") as caught:
        read_weights(tmp_path / "w.pth")
    assert "weights_only" not in str(caught.value), "no advice to run the code"


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"junk" * 50, None])
def test_damaged_files_are_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is None:  # cut in the middle
        torch.save(state(), tmp_path / name) if name == "w.pth" else save_file(state(), tmp_path / name)
        content = (tmp_path / name).read_bytes()[:5000]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot read weights"):
        read_weights(tmp_path / name)


def test_missing_files_and_files_without_tensors(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no weights file"):
        read_weights(tmp_path / "none.pth")
    torch.save({"state_dict": {"epoch": 3}}, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="no named tensors"):
        read_weights(tmp_path / "w.pth")


def test_masked_autoencoder_layout_loads_into_a_pooled_transformer(tmp_path: Path) -> None:
    options = {"global_pool": "avg"}
    donor = create_model("timm:test_vit", num_classes=38, options=options, seed=1)
    torch.save({"model": donor.network.state_dict(), "args": argparse.Namespace()}, tmp_path / "w.pth")
    model = create_model("timm:test_vit", num_classes=38, options=options, weights=tmp_path / "w.pth", strict_head=True)
    assert torch.equal(model.network.fc_norm.weight, donor.network.fc_norm.weight)
    smaller = create_model("timm:test_vit", num_classes=38, options=options, weights=tmp_path / "w.pth", input_size=64)
    assert smaller.network.pos_embed.shape[1] < model.network.pos_embed.shape[1]  # resampled, not refused
