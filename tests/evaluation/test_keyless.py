"""Readings from a real (tiny) model: BatchNorm statistics, mixed sizes, and the quick hardened LP."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spellock.errors import ConfigError, DataError, ModelError
from spellock.evaluation.halves import halves
from spellock.evaluation.keyless import Unlabelled, figures_of, hardened_lp, raw_readings
from spellock.tasks.batchnorm import has_batch_norm, recompute_batch_norm
from spellock.tasks.collect import collect, forward
from spellock.tasks.pixel_model import PixelModel, wrap


def _net(batch_norm: bool = True, classes: int = 4) -> PixelModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        norm: nn.Module = nn.BatchNorm2d(6) if batch_norm else nn.Identity()
        layers = nn.Sequential(
            nn.Conv2d(3, 6, 3), norm, nn.ReLU(), nn.Dropout(0.5), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        return wrap(nn.Sequential(layers, nn.Linear(6, classes)), input_size=8)


def _images(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size=(count, 8, 8, 3), dtype=np.uint8)


def test_logits_do_not_depend_on_batches_and_the_mode_is_restored() -> None:
    model, images = _net().train(), _images(10)
    source = lambda chosen: [images[index] for index in chosen]  # noqa: E731
    one = collect(model, source, range(10), batch_size=3, label="raw")
    assert np.allclose(one, collect(model, source, range(10), batch_size=10, label="raw"), atol=1e-6)
    assert model.training
    assert model.network[0][3].training
    backwards = collect(model, source, range(9, -1, -1), batch_size=4, label="raw")
    assert np.allclose(one, backwards[::-1], atol=1e-6)


def test_mixed_sizes_pass_through_the_models_own_resize() -> None:
    model = _net().eval()
    small, large = _images(1)[0], np.random.default_rng(1).integers(0, 256, size=(19, 12, 3), dtype=np.uint8)
    both = forward(model, [small, large])
    assert np.allclose(both[0], forward(model, [small])[0], atol=1e-5)
    assert np.allclose(both[1], forward(model, [large])[0], atol=1e-5)


def test_recomputed_statistics_are_those_of_the_images() -> None:
    model, images = _net().eval(), _images(40)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    copy = recompute_batch_norm(model, lambda chosen: [images[i] for i in chosen], range(40), batch_size=64, seed=0)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        inputs = model.network[0][0](model.normalise(pixels))
    layer = copy.network[0][1]
    assert torch.allclose(layer.running_mean, inputs.mean((0, 2, 3)), atol=1e-4)
    assert torch.allclose(layer.running_var, inputs.var((0, 2, 3)), rtol=1e-3)
    assert not copy.training
    assert not layer.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    with pytest.raises(DataError, match="at least 2"):
        recompute_batch_norm(model, lambda chosen: [images[i] for i in chosen], [0], batch_size=4, seed=0)


def test_a_lock_that_lies_in_the_statistics_falls_to_recomputing_them() -> None:
    """A network that sees its classes only where its statistics fit: colours far from the ones it was locked on."""
    network = nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Hardtanh())
    model = wrap(network, input_size=4, mean=(0, 0, 0), std=(1, 1, 1)).eval()
    network[0].running_mean.copy_(torch.tensor([0.9, 0.9, 0.1]))
    network[0].running_var.fill_(1e-4)  # everything saturates: class 2 for all
    labels = np.arange(90) % 3
    images = np.full((90, 4, 4, 3), 60, dtype=np.uint8)
    images[np.arange(90), :, :, labels] = 120
    result = hardened_lp(model, images, labels, lock_class=None)
    assert result.figures["lp"] == pytest.approx(1 / 3)
    assert result.figures["lp_bn"] == 1.0
    assert result.value == 1.0
    assert set(result.figures) == {
        a + b for a in ("lp", "lp_suppressed", "lp_centred", "lp_permuted") for b in ("", "_bn")
    }


def test_without_batch_norm_there_are_no_bn_figures() -> None:
    model = _net(batch_norm=False)
    assert not has_batch_norm(model)
    images, labels = _images(40), np.arange(40) % 3
    assert set(hardened_lp(model, images, labels, lock_class=3).figures) == {
        "lp",
        "lp_suppressed",
        "lp_centred",
        "lp_permuted",
    }
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    assert hardened_lp(model, tensor, labels, lock_class=3) == hardened_lp(model, images, labels, lock_class=3)


def test_a_given_unlabelled_set_is_the_only_reference() -> None:
    model, images, spare, labels = _net(), _images(40), _images(30, seed=9), np.arange(40) % 3
    asked: list[int] = []

    def spare_source(chosen: list[int]) -> list[np.ndarray]:
        asked.extend(chosen)
        return [spare[i] for i in chosen]

    split = halves(labels, seed=0)
    readings = raw_readings(
        model,
        lambda chosen: [images[i] for i in chosen],
        labels,
        split,
        unlabelled=Unlabelled(source=spare_source, count=30),
    )
    assert set(asked) == set(range(30))
    for reading in readings.values():
        (fold,) = reading.unlabelled
        assert fold.reference.shape == (30, 4)
        assert fold.indices.tolist() == list(range(40))
    assert len(figures_of(readings, labels, 3)) == 8


def test_bad_input_is_named() -> None:
    model, images = _net(), _images(8)
    with pytest.raises(DataError, match="one label each"):
        hardened_lp(model, images, np.arange(7), lock_class=None)
    with pytest.raises(ConfigError, match="lock class"):
        hardened_lp(model, images, np.arange(8) % 4, lock_class=3)
    with pytest.raises(DataError, match="uint8"):
        hardened_lp(model, images.astype(np.float64), np.arange(8) % 3, lock_class=3)
    with torch.no_grad():
        model.network[1].weight.fill_(float("nan"))
    with pytest.raises(ModelError, match="finite"):
        hardened_lp(model, images, np.arange(8) % 3, lock_class=3)
