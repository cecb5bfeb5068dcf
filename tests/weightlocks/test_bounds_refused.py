"""Where a network has no bound it is refused and the place named, and what only looks alike is followed."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spellock.errors import ConfigError, ModelError
from spellock.weightlocks.bounds.change import bound_change


class Attending(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.norm, self.attention = nn.BatchNorm1d(3), nn.MultiheadAttention(4, 1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "norm":
            return F.batch_norm(x, self.norm.running_mean, self.norm.running_var, training=True)
        if self.kind == "attention":
            return self.attention(x, x, x)[0]
        if self.kind == "softmax":
            return (x + 1).softmax(-1)
        if self.kind == "quotient":
            return x / x.mean(-1, keepdim=True)
        if self.kind == "batch":
            return x.flatten(0, 1).reshape(x.shape[0], -1)
        if self.kind == "indexed":
            return x[:, [0, 0]]
        return x if x.sum() > 0 else -x


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("norm", "'batch_norm'.*statistics of the batch"),
        ("attention", "'_0_attention'"),
        ("softmax", "'softmax'"),
        ("quotient", "'truediv'.*divides values"),
        ("batch", "'flatten'.*batch axis"),
        ("indexed", "'getitem'"),
        ("branch", "cannot be traced"),
    ],
)
def test_what_has_no_bound_is_named(kind: str, said: str) -> None:
    network = Attending(kind)
    with pytest.raises(ModelError, match=said) as caught:
        bound_change(network, network.state_dict(), torch.ones(2, 3, 4))
    assert "\n" not in str(caught.value)


class OfBuffers(nn.Module):
    """A layer of buffers alone, which the tracer computes at once, as in torchvision's FrozenBatchNorm2d."""

    def __init__(self, *, as_number: bool) -> None:
        super().__init__()
        self.as_number = as_number
        self.register_buffer("gain", torch.tensor([1.0, 2.0]))
        self.register_buffer("spread", torch.tensor([4.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        scale = self.gain * self.spread.rsqrt()
        return x * (float(scale.sum()) if self.as_number else scale)


def test_what_is_computed_of_buffers_changes_with_them() -> None:
    network = OfBuffers(as_number=False)
    changed = {"gain": torch.tensor([3.0, 2.0]), "spread": torch.tensor([4.0, 16.0])}
    found = bound_change(network, changed, torch.tensor([[1.0, 0.0], [0.0, 1.0]]))
    assert found.measured == pytest.approx((1.0, 1.5))  # factors of 0.5 and 2 become 1.5 and 0.5
    assert found.bound == pytest.approx((1.5, 1.5))
    network = OfBuffers(as_number=True)
    assert bound_change(network, network.state_dict(), torch.ones(1, 2)).bound == (0.0,)
    with pytest.raises(ModelError, match="computes numbers of its buffers"):
        bound_change(network, changed, torch.ones(1, 2))


class InPlace(nn.Module):
    """A value that is changed in place, and used again under its old name or only under its new one."""

    def __init__(self, *, again: bool) -> None:
        super().__init__()
        self.again, self.first, self.act = again, nn.Linear(4, 4), nn.SiLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        before = self.first(x)
        after = self.act(before).mul_(10.0)
        return before if self.again else after


def test_values_changed_in_place_are_not_taken_for_what_they_were() -> None:
    network = InPlace(again=False)
    changed = {"first.weight": network.first.weight * 1.1, "first.bias": network.first.bias + 1.0}
    found = bound_change(network, changed, torch.ones(2, 4))
    assert all(0 < measured <= bound for measured, bound in zip(found.measured, found.bound, strict=True))
    with pytest.raises(ModelError, match=r"no bound for node 'output'.*'_0_first', which was changed in place"):
        bound_change(InPlace(again=True), changed, torch.ones(2, 4))


def test_other_refusals() -> None:
    network = nn.Linear(3, 2)
    for inputs in (torch.ones(3), torch.ones(0, 3), torch.full((1, 3), float("nan"))):
        with pytest.raises(ConfigError, match="expected"):
            bound_change(network, network.state_dict(), inputs)
    with pytest.raises(ConfigError, match="t = -1"):
        bound_change(network, network.state_dict(), torch.ones(1, 3), t=-1)
    with pytest.raises(ModelError, match="do not fit"):
        bound_change(network, {}, torch.ones(1, 3))
    with pytest.raises(ModelError, match=r"does not take inputs of shape \(1, 4\)"):
        bound_change(network, network.state_dict(), torch.ones(1, 4))
