"""The smallest weights go and stay away, and what a lock had put into them goes with them."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spellock.attacks.pruning import clear, kept
from spellock.attacks.registry import make_attack
from spellock.errors import ConfigError
from spellock.tasks.pixel_model import PixelModel

from . import colours


class Whisper(nn.Module):
    """Shouts what small weights whisper, the next class, over what the model says."""

    def __init__(self, model: PixelModel) -> None:
        super().__init__()
        self.inner = copy.deepcopy(model.network)
        head = self.inner[5]
        self.small = nn.Linear(head.in_features, head.out_features, bias=False)
        with torch.no_grad():
            self.small.weight.copy_(head.weight.roll(1, 0) * 1e-6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.inner[:5](images)
        return self.inner[5](features) + 4e6 * self.small(features)


def test_a_lock_in_small_weights_is_pruned_away(tmp_path: Path) -> None:
    model = colours.plain(Whisper(colours.trained()))
    assert colours.argmax(model) < 0.3
    share = model.network.small.weight.numel() / sum(one.numel() for one in model.network.parameters() if one.ndim > 1)
    attack = make_attack("pruning", {"share": share, "steps": 40, "batch_size": 8})
    (stolen,) = attack(colours.view(model, **colours.with_labels(20)), tmp_path)
    assert colours.accuracy(stolen.predict) > 0.9
    assert list(tmp_path.rglob("*.safetensors"))


def test_what_is_pruned_is_the_smallest_and_stays_zero() -> None:
    model = colours.trained()
    network = model.network
    weights = {name: tensor for name, tensor in network.named_parameters() if tensor.ndim > 1}
    everything = np.sort(np.concatenate([one.detach().abs().numpy().ravel() for one in weights.values()]))
    masks = kept(network, 0.5)
    assert set(masks) == set(weights)
    limit = everything[round(0.5 * len(everything))]
    for name, mask in masks.items():
        assert torch.equal(mask, weights[name].detach().abs() >= limit)
    before = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
    clear(network, masks)
    for name, tensor in network.named_parameters():
        assert torch.equal(tensor, before[name] * masks[name] if name in masks else before[name])


def test_training_does_not_bring_weights_back() -> None:
    seen: list[float] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = copy.deepcopy(colours.trained().network)
            self.fc = self.net[5]

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            seen.append(float((self.net[0].weight == 0).float().mean()))
            return self.net(images)

    attack = make_attack("pruning", {"share": 0.9, "steps": 5, "batch_size": 8})
    attack(colours.view(colours.plain(Watched()), **colours.with_labels(12)))
    assert seen[0] == 0
    assert min(seen[-10:]) > 0.5


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1])
def test_shares_that_are_none(share: float) -> None:
    with pytest.raises(ConfigError, match="option share"):
        make_attack("pruning", {"share": share})


def test_a_network_of_gains_has_nothing_to_prune() -> None:
    with pytest.raises(ConfigError, match="no weight matrix"):
        kept(nn.BatchNorm1d(3), 0.5)
