"""Norms of single layers, against dense matrices, random differences and slopes taken by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from spellock.errors import ModelError
from spellock.weightlocks.bounds.fixed import stretch_of
from spellock.weightlocks.bounds.operators import batchnorm_line, conv_norm, layer_norms, spectral_norm


def dense(function: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> np.ndarray:
    """The matrix of a linear function of one input of ``shape``: its columns are what it makes of unit inputs."""
    units = torch.eye(int(np.prod(shape)), dtype=torch.float64).reshape(-1, *shape)
    return function(units).flatten(1).T.numpy()


def true_norm(function: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> float:
    return float(np.linalg.norm(dense(function, shape), 2))


def test_spectral_norms_are_those_of_numpy() -> None:
    generator = torch.Generator().manual_seed(0)
    for shape in ((3, 5), (5, 3), (4, 4), (1, 1)):
        matrices = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        expected = [np.linalg.norm(matrix, 2) for matrix in matrices.numpy()]
        found = spectral_norm(matrices).numpy()
        assert np.allclose(found, expected, rtol=1e-7)
        assert (found >= expected).all()
    assert spectral_norm(torch.zeros(0, 3, dtype=torch.float64)) == 0


@given(
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.integers(0, 2),
    groups=st.sampled_from([1, 2]),
    seed=st.integers(0, 2**16),
    constant=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_bound_of_a_convolution_is_one(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: int,
    groups: int,
    seed: int,
    constant: bool,
) -> None:
    weight = torch.randn(4, 4 // groups, *kernel, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    if constant:
        weight = torch.ones_like(weight)
    expected = true_norm(lambda x: F.conv2d(x, weight, None, stride, padding, dilation, groups), (4, 6, 5))
    assert conv_norm(weight, stride=stride, dilation=dilation, groups=groups) >= expected * (1 - 1e-9)


def test_where_the_bound_of_a_convolution_is_reached() -> None:
    weight = torch.randn(3, 5, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    point = conv_norm(weight, stride=(1, 1), dilation=(1, 1), groups=1)
    assert point == pytest.approx(np.linalg.norm(weight[:, :, 0, 0].numpy(), 2), rel=1e-6)
    patches = torch.randn(3, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    patch = conv_norm(patches, stride=(4, 4), dilation=(1, 1), groups=1)
    assert patch == pytest.approx(np.linalg.norm(patches.flatten(1).numpy(), 2), rel=1e-6)
    box = torch.ones(1, 1, 3, dtype=torch.float64)
    assert conv_norm(box, stride=(1,), dilation=(1,), groups=1) == pytest.approx(3, rel=1e-6)
    assert 2.9 < true_norm(lambda x: F.conv1d(x, box, padding=1), (1, 40)) < 3


def test_batchnorm_is_a_line() -> None:
    layer = nn.BatchNorm2d(3).double().eval()
    generator = torch.Generator().manual_seed(2)
    for tensor in (layer.weight.data, layer.bias.data, layer.running_mean, layer.running_var):
        tensor.copy_(torch.rand(3, generator=generator) + 0.1)
    slope, offset = batchnorm_line(layer)
    x = torch.randn(2, 3, 4, 4, dtype=torch.float64, generator=generator)
    assert torch.allclose(slope[:, None, None] * x + offset[:, None, None], layer(x))
    expected = (layer.weight.detach() / (layer.running_var + layer.eps).sqrt()).abs().max()
    norms = layer_norms(layer, layer, (2, 3, 4, 4))
    assert norms is not None
    assert norms.base == pytest.approx(float(expected), rel=1e-6)
    assert norms.base_offset == pytest.approx(4 * float(offset.norm()), rel=1e-6)
    assert norms.change == norms.offset_change == 0
    with pytest.raises(ModelError, match="running statistics"):
        batchnorm_line(nn.BatchNorm2d(3, track_running_stats=False))


def test_layers_without_a_bound() -> None:
    assert layer_norms(nn.LayerNorm(3), nn.LayerNorm(3), (1, 3)) is None
    reflected = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect").double()
    with pytest.raises(ModelError, match="reflect"):
        layer_norms(reflected, reflected, (1, 1, 4, 4))
    plain = nn.Conv2d(1, 1, 3).double()
    with pytest.raises(ModelError, match="batch axis"):
        layer_norms(plain, plain, (1, 4, 4))


POOLS = {
    "plain": ("avgpool2d", {"kernel_size": 2}),
    "overlapping": ("avgpool2d", {"kernel_size": 3, "stride": 1, "padding": 1}),
    "edges by their own count": (
        "avgpool2d",
        {"kernel_size": 3, "stride": (2, 1), "padding": (1, 0), "count_include_pad": False},
    ),
    "ceiling": ("avgpool2d", {"kernel_size": 2, "stride": 2, "ceil_mode": True}),
    "adaptive": ("adaptiveavgpool2d", {"output_size": (3, 2)}),
    "global": ("adaptiveavgpool2d", {"output_size": 1}),
}


@pytest.mark.parametrize(("name", "settings_"), POOLS.values(), ids=POOLS)
def test_average_pools_have_their_true_norm(name: str, settings_: dict[str, object]) -> None:
    function = F.avg_pool2d if name == "avgpool2d" else F.adaptive_avg_pool2d

    def pool(x: Tensor) -> Tensor:
        return function(x, **settings_)  # type: ignore[operator]

    out = pool(torch.zeros(1, 1, 7, 5, dtype=torch.float64))
    found = stretch_of(name, settings_, (1, 1, 7, 5), out.shape)
    assert found is not None
    assert found.lipschitz == found.growth == pytest.approx(true_norm(pool, (1, 7, 5)), rel=1e-6)


@pytest.mark.parametrize(
    "settings_",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 1, "padding": 1},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": 2, "stride": 1, "dilation": 2},
        {"kernel_size": 3, "stride": 2, "ceil_mode": True},
    ],
)
def test_max_pools_move_no_further(settings_: dict[str, int]) -> None:
    pool = nn.MaxPool2d(**settings_)  # type: ignore[arg-type]
    shape = pool(torch.zeros(1, 1, 7, 6)).shape
    found = stretch_of("maxpool2d", settings_, (1, 1, 7, 6), shape)
    assert found is not None
    spike = torch.zeros(1, 1, 7, 6, dtype=torch.float64)
    # A single high pixel is the maximum of every window that has it: the bound is reached where that is most.
    reached = max(
        float(pool(spike.index_put((torch.tensor(0), torch.tensor(0), torch.tensor(i), torch.tensor(j)),
              torch.tensor(1.0, dtype=torch.float64))).clamp(min=0).norm())
        for i in range(7)
        for j in range(6)
    )  # fmt: skip
    assert found.lipschitz == pytest.approx(reached)


ELEMENTWISE = {
    "relu": F.relu,
    "relu6": F.relu6,
    "gelu": F.gelu,
    "gelu tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "hardswish": F.hardswish,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": F.hardsigmoid,
    "elu": F.elu,
    "leakyrelu": F.leaky_relu,
    "identity": lambda x: x,
}


@pytest.mark.parametrize(("name", "function"), ELEMENTWISE.items(), ids=ELEMENTWISE)
def test_slopes_and_sizes_of_elementwise_functions(name: str, function: Callable[[Tensor], Tensor]) -> None:
    found = stretch_of(name.split()[0], {}, (1, 1), (1, 1))
    assert found is not None
    x = torch.linspace(-12, 12, 48_001, dtype=torch.float64, requires_grad=True)
    (slopes,) = torch.autograd.grad(function(x).sum(), x)
    steepest = float(slopes.abs().max())
    assert steepest * (1 - 1e-6) <= found.lipschitz <= 1.01 * steepest
    assert (function(x).abs() <= found.growth * x.abs() + found.offset + 1e-12).all()


def test_settings_without_a_bound() -> None:
    shape = (2, 3, 4, 4)
    for name, arguments, said in (
        ("dropout", {"training": True}, "evaluation"),
        ("mean", {"dim": (0, 2)}, "batch"),
        ("mean", {}, "batch"),
        ("pad", {"value": 1.0}, "zeros"),
        ("pad", {"mode": "reflect"}, "zeros"),
        ("permute", {"dims": (1, 0, 2, 3)}, "batch"),
        ("transpose", {"dim0": 0, "dim1": 1}, "batch"),
        ("avgpool2d", {"kernel_size": 2, "divisor_override": 1}, "divisor"),
        ("maxpool2d", {"kernel_size": 2, "return_indices": True}, "indices"),
    ):
        with pytest.raises(ModelError, match=said):
            stretch_of(name, arguments, shape, (2, 3, 2, 2))
    assert stretch_of("softmax", {}, shape, shape) is None
    average = stretch_of("mean", {"dim": (2, -1)}, shape, (2, 3))
    assert average is not None
    assert average.lipschitz == 0.25
