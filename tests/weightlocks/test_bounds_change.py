"""The bound of a whole network: never below what is measured, tight where it can be, refused where there is none."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from spellock.tasks import create_model
from spellock.weightlocks.bounds.change import ChangeBound, bound_change
from spellock.weightlocks.bounds.table import as_text


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


class Residual(nn.Module):
    """A block with a shortcut, a position parameter, a scale and functions as well as modules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm = nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 2, 3, padding=1, groups=2)
        self.place, self.scale = nn.Parameter(torch.randn(1, 2, 6, 6)), nn.Parameter(torch.rand(2, 1, 1))
        self.act, self.head = nn.SiLU(), nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.place
        y = self.conv2(F.relu(self.norm(self.conv1(x)), inplace=True)) * self.scale
        x = self.act(y + F.max_pool2d(x, 3, 1, 1))
        x = F.pad(x[:, :, ::2, ::2], (0, 1, 1, 0)) / 2
        return self.head(x.mean((2, 3)))


class Joining(nn.Module):
    """Two branches that are joined, with sizes taken from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(2, 3, 2, stride=2), nn.Conv1d(2, 2, 4, stride=2, dilation=1, padding=1)
        self.pool, self.head = nn.AvgPool1d(2), nn.Linear(10, 4)

    def forward(self, x: Tensor) -> Tensor:
        joined = torch.cat([torch.tanh(self.one(x)), F.gelu(self.two(x)).sub(1.0)], dim=1)
        y = self.pool(joined)
        y = F.dropout(y.permute(0, 2, 1), 0.5, self.training)
        return torch.sigmoid(self.head(y.reshape(x.shape[0], -1)))


class Normalising(nn.Module):
    """LayerNorm as a layer and as a function, with gain and without, BatchNorm and a linear layer as functions, a gate,
    and a parameter that is rearranged before it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.plain = nn.LayerNorm(4), nn.LayerNorm((3, 4), elementwise_affine=False)
        self.batch, self.gate = nn.BatchNorm1d(3), nn.Linear(4, 1)
        self.gain, self.weight = nn.Parameter(torch.rand(12)), nn.Parameter(torch.randn(2, 4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(x) + self.plain(x)
        batch = self.batch
        x = F.batch_norm(x, batch.running_mean, batch.running_var, batch.weight, batch.bias, False, 0.1, batch.eps)
        x = x * torch.sigmoid(self.gate(x)) * self.gain.reshape(3, 4).unsqueeze(0)
        return F.linear(F.layer_norm(x, (4,), self.norm.weight, eps=1e-3), self.weight).flatten(1)


def plain() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(), nn.Dropout(), nn.Linear(5, 8), nn.LeakyReLU(0.3), nn.BatchNorm1d(8), nn.ELU(),
        nn.Linear(8, 3, bias=False),
    )  # fmt: skip


def tokens() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 7), nn.GELU(), nn.Flatten(), nn.Linear(21, 2))


NETWORKS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "plain": (plain, (6,)),
    "tokens": (tokens, (3, 4)),
    "residual": (Residual, (2, 6, 6)),
    "joining": (Joining, (2, 8)),
    "normalising": (Normalising, (3, 4)),
}


def a_network(name: str, seed: int) -> tuple[nn.Module, Tensor]:
    make, shape = NETWORKS[name]
    network = make().eval()
    generator = torch.Generator().manual_seed(seed)
    for entry, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            values = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(values.abs() + 0.2 if "running_var" in entry else values)
    return network, drawn(seed + 1, 4, *shape)


def changed_by(network: nn.Module, seed: int, size: float, share: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, tensor in network.state_dict().items():
        mark = torch.rand(tensor.shape, generator=generator) < share
        step = size * torch.randn(tensor.shape, generator=generator)
        moved = tensor + step * mark if tensor.is_floating_point() else tensor
        found[name] = moved.abs() + 0.1 if "running_var" in name else moved
    return found


@pytest.mark.parametrize("name", NETWORKS)
@given(seed=st.integers(0, 2**16), size=st.sampled_from([1e-6, 0.1, 3.0]), share=st.sampled_from([0.1, 1.0]))
@settings(max_examples=8, deadline=None)
def test_the_bound_is_never_below_what_is_measured(name: str, seed: int, size: float, share: float) -> None:
    network, inputs = a_network(name, seed)
    found = bound_change(network, changed_by(network, seed + 2, size, share), inputs)
    for bound, here, measured in zip(found.bound, found.bound_here, found.measured, strict=True):
        assert bound * (1 + 1e-9) >= here
        assert here >= measured * (1 - 1e-9)
    # Every input of that norm: turned ones have the same bound.
    turned = bound_change(network, changed_by(network, seed + 2, size, share), -inputs)
    assert turned.bound == pytest.approx(found.bound)
    assert all(bound >= measured * (1 - 1e-9) for bound, measured in zip(found.bound, turned.measured, strict=True))


def test_a_rank_one_change_of_a_linear_network_reaches_the_bound() -> None:
    up, down, direction = drawn(0, 5).double(), drawn(1, 7).double(), drawn(2, 7).double()
    network = nn.Sequential(nn.Linear(7, 5)).double()
    state = copy.deepcopy(network.state_dict())
    state["0.weight"] += torch.outer(up, down)
    for x in (down, direction):
        found = bound_change(network, state, x[None])
        assert found.bound[0] == pytest.approx(float(up.norm() * down.norm() * x.norm()), rel=1e-6)
        assert found.measured[0] == pytest.approx(float(up.norm() * (down @ x).abs()), rel=1e-6)
    assert bound_change(network, state, down[None]).measured[0] == pytest.approx(float(up.norm() * down.norm() ** 2))


def test_it_is_reached_through_several_layers() -> None:
    """Layers that only turn and stretch: what a rank-one change of the middle one does is carried on in full."""
    turn = torch.linalg.qr(drawn(3, 6, 6).double())[0]
    network = nn.Sequential(*(nn.Linear(6, 6, bias=False) for _ in range(3))).double()
    for layer, factor in zip(network, (2.0, 1.0, 3.0), strict=True):
        layer.weight.data = factor * turn
    x = drawn(4, 1, 6).double()
    state = copy.deepcopy(network.state_dict())
    middle = network[0](x)[0].detach()
    state["1.weight"] += torch.outer(drawn(5, 6).double(), middle)
    found = bound_change(network, state, x)
    assert found.bound[0] == pytest.approx(found.measured[0], rel=1e-6)
    assert found.measured[0] > 0


def test_two_layers_restated() -> None:
    """||f' - f|| <= min over both sides, layer by layer, with biases: with numpy and nothing of ours."""
    network = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    state = {name: value + 0.3 * drawn(i, *value.shape) for i, (name, value) in enumerate(network.state_dict().items())}
    x = drawn(9, 5, 4).double()
    found = bound_change(network, state, x)
    old = {name: value.numpy() for name, value in network.state_dict().items()}
    new = {name: value.numpy() for name, value in state.items()}
    norm = np.linalg.norm
    size = old_size = new_size = norm(x.numpy(), axis=1)
    change = np.zeros_like(size)
    for place in ("0", "2"):
        before, after = norm(old[f"{place}.weight"], 2), norm(new[f"{place}.weight"], 2)
        moved = norm(new[f"{place}.weight"] - old[f"{place}.weight"], 2)
        ways = (after * change + moved * old_size, before * change + moved * new_size)
        change = np.minimum(*ways) + norm(new[f"{place}.bias"] - old[f"{place}.bias"])
        old_size = before * old_size + norm(old[f"{place}.bias"])
        new_size = after * new_size + norm(new[f"{place}.bias"])
    assert found.bound == pytest.approx(change.tolist(), rel=1e-6)
    assert found.input_norms == pytest.approx(size.tolist())

    def run(w: dict[str, np.ndarray]) -> np.ndarray:
        hidden = np.maximum(x.numpy() @ w["0.weight"].T + w["0.bias"], 0)
        return hidden @ w["2.weight"].T + w["2.bias"]

    assert found.measured == pytest.approx(norm(run(new) - run(old), axis=1).tolist())
    assert found.output_norms == pytest.approx(norm(run(old), axis=1).tolist())
    names = [(layer.name, layer.kind) for layer in found.layers]
    assert names == [("0", "Linear"), ("2", "Linear")]
    assert found.layers[0].change_norm == pytest.approx(norm(new["0.weight"] - old["0.weight"], 2), rel=1e-6)


def test_the_projects_networks_are_followed() -> None:
    for name in ("resnet20", "small_resnet8"):
        network = create_model(name, num_classes=3).network
        before = {key: value.clone() for key, value in network.state_dict().items()}
        state = {key: value * 0.5 if "conv2.weight" in key else value for key, value in before.items()}
        found = bound_change(network.train(), state, drawn(0, 2, 3, 16, 16))
        assert all(a >= b >= c > 0 for a, b, c in zip(found.bound, found.bound_here, found.measured, strict=True))
        changed = [layer for layer in found.layers if layer.residual is not None and layer.residual.changed > 0]
        assert {layer.name.rsplit(".", 1)[-1] for layer in changed} == {"conv2"}
        assert network.training
        assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("densenet121", {"growth_rate": 8, "block_config": (1, 1)}),
        ("convnext_atto", {"depths": (1,) * 4, "dims": (8, 8, 8, 8)}),
    ],
)
def test_timms_networks_are_followed(name: str, settings: dict[str, object]) -> None:
    network = timm.create_model(name, num_classes=3, **settings).eval()
    state = {
        key: value + 1e-4 * drawn(i, *value.shape) if "running" not in key and value.is_floating_point() else value
        for i, (key, value) in enumerate(network.state_dict().items())
    }
    found = bound_change(network, state, drawn(0, 2, 3, 32, 32))
    assert all(a >= b >= c > 0 for a, b, c in zip(found.bound, found.bound_here, found.measured, strict=True))
    kinds = {layer.kind for layer in found.layers}
    assert ("LayerNorm" in kinds) == (name == "convnext_atto")
    assert ("batchnorm" in kinds) == (name == "densenet121")


def test_layernorm_restated() -> None:
    """Two values along one line after LayerNorm: twice their distance over the sum of their spreads, and no further."""
    norm, offset = nn.LayerNorm(5, eps=1e-5).double(), nn.Linear(5, 5).double()
    network = nn.Sequential(offset, norm)
    nn.init.eye_(offset.weight), nn.init.zeros_(offset.bias)
    x, move = drawn(0, 3, 5).double(), drawn(1, 5).double()
    found = bound_change(network, {**network.state_dict(), "0.bias": move}, x)
    spreads = [np.sqrt(v.var(1) + 1e-5) for v in (x.numpy(), (x + move).numpy())]
    distance = np.linalg.norm(move.numpy())
    assert found.bound_here == pytest.approx((2 * distance / (spreads[0] + spreads[1])).tolist(), rel=1e-6)
    assert found.bound == pytest.approx([min(distance / 1e-5**0.5, 2 * 5**0.5)] * 3, rel=1e-6)


def test_no_change_is_no_change() -> None:
    network, inputs = a_network("residual", 3)
    found = bound_change(network, network.state_dict(), inputs)
    assert found.bound == found.bound_here == found.measured == (0.0,) * 4
    assert "What it does not prove" in as_text(found)


def test_a_layer_alone_is_a_network() -> None:
    layer = nn.Linear(3, 2)
    found = bound_change(layer, {name: value + 1 for name, value in layer.state_dict().items()}, torch.ones(1, 3))
    # All-ones of 2 x 3, an input of ones: 3 + 1 in each of two outputs.
    assert found.measured[0] == pytest.approx(4 * 2**0.5)
    assert found.bound[0] == pytest.approx(6**0.5 * 3**0.5 + 2**0.5, rel=1e-6)


def test_the_table_says_all_of_it() -> None:
    network, inputs = a_network("plain", 5)
    found: ChangeBound = bound_change(network, changed_by(network, 6, 1.0, 0.5), inputs)
    text = as_text(found)
    for layer in found.layers:
        assert any(line.startswith(f"| {layer.name} ") and f"{layer.added:.4g}" in line for line in text.splitlines())
    assert f"{max(found.measured):.4g}" in text
    assert f"{max(found.bound):.4g}" in text
    assert "only measured accuracy" in text


def test_bounds_beyond_all_numbers_are_infinite_and_never_nan() -> None:
    """Three hundred layers of norm 30 each; the last but one is not changed, so its change adds nothing."""
    network = nn.Sequential(*(nn.Linear(2, 2, bias=False) for _ in range(300))).double()
    for layer in network:
        layer.weight.data = 30 * torch.eye(2, dtype=torch.float64)
    state = {name: value * (1 if name == "298.weight" else 1.1) for name, value in network.state_dict().items()}
    found = bound_change(network, state, torch.ones(1, 2))
    assert found.bound == (float("inf"),)
    assert found.layers[298].added == 0
