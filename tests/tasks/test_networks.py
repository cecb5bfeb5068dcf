"""Our networks against shapes, layouts and padding stated independently."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from spellock.tasks import create_model
from spellock.tasks.networks.cifar_resnet import CifarResNet
from spellock.tasks.networks.mobilenet_v1 import MobileNetV1, SameConv2d, same_padding
from spellock.tasks.networks.small_resnet import SmallResNet


@pytest.mark.parametrize(("depth", "millions"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85)])
def test_cifar_resnets_have_the_published_number_of_parameters(depth: int, millions: float) -> None:
    network = CifarResNet(depth=depth, num_classes=10)
    assert sum(p.numel() for p in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


def test_shortcut_subsamples_and_pads_a_quarter_on_each_side() -> None:
    block = CifarResNet(depth=20, num_classes=10).layer2[0].eval()
    torch.nn.init.zeros_(block.bn2.weight)  # only the shortcut is left
    x = torch.rand(2, 16, 8, 8)
    y = block(x)
    assert torch.equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert y[:, :8].abs().max() == 0 == y[:, 24:].abs().max()


@pytest.mark.parametrize(("size", "stride", "expected"), [(8, 1, (1, 1)), (8, 2, (0, 1)), (7, 2, (1, 1))])
def test_same_padding(size: int, stride: int, expected: tuple[int, int]) -> None:
    assert same_padding(size, 3, stride) == expected


def test_same_convolution_centres_its_first_window_on_pixel_one_at_stride_two() -> None:
    convolution = SameConv2d(1, 1, 3, 2, bias=False)
    torch.nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, 0, 0] = 1.0  # picks each window's upper left pixel
    x = torch.arange(36.0).view(1, 1, 6, 6)
    assert torch.equal(convolution(x), x[:, :, ::2, ::2])


@pytest.mark.parametrize("size", [28, 32, 64])
def test_small_resnet_takes_28_to_64_px(size: int) -> None:
    network = SmallResNet(blocks=1, num_classes=5)
    assert network(torch.rand(2, 3, size, size)).shape == (2, 5)
    assert network.forward_head(network.forward_features(torch.rand(2, 3, size, size)), pre_logits=True).shape == (
        2,
        128,
    )


def test_mobilenet_keeps_the_signal_alive_when_untrained() -> None:
    torch.manual_seed(0)
    features = MobileNetV1(width=0.25, num_classes=3).forward_features(torch.randn(4, 3, 64, 64))
    assert features.shape == (4, 256, 2, 2)
    assert 0.01 < float(features.detach().std()) < 10


def test_shared_weights_load_and_mean_something(shared_data: Path) -> None:
    weights = shared_data / "weights"
    for depth, tail in ((20, "12fca82f"), (32, "d509ac18"), (44, "014dd654"), (56, "4bfd9763")):
        model = create_model(f"resnet{depth}", num_classes=10, weights=weights / f"resnet{depth}-{tail}.th").eval()
        assert float(F.softmax(model(torch.rand(2, 3, 32, 32)), 1).detach().max()) > 0.2
    for width, size in ((0.25, 128), (0.5, 160)):
        path = weights / f"mobilenet_v1_{width}_{size}_imagenet.safetensors"
        model = create_model(f"mobilenet_v1_{width}", num_classes=1000, weights=path)
        assert model.input_size == size
        assert model.network.classifier.weight.dtype == torch.float32


def test_shared_resnet_reaches_its_measured_accuracy(shared_data: Path) -> None:
    table = pq.read_table(shared_data / "cifar10" / "test.parquet").slice(0, 1000)
    pictures = np.stack([np.array(Image.open(io.BytesIO(row["bytes"]))) for row in table["image"].to_pylist()])
    images = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    model = create_model("resnet20", num_classes=10, weights=shared_data / "weights" / "resnet20-12fca82f.th").eval()
    with torch.no_grad():
        accuracy = (model(images).argmax(1).numpy() == np.array(table["label"])).mean()
    assert accuracy > 0.75  # 0.809 on all 4,000
