"""Statistics recomputed on raw images, and what training makes of them afterwards."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from spellock.tasks.batchnorm import recompute_batch_norm
from spellock.tasks.pixel_model import PixelModel, wrap


def statistics_of_pixels(momentum: float | None) -> PixelModel:
    """A network whose BatchNorm sees the pixels themselves."""
    network = nn.Sequential(nn.BatchNorm2d(3, momentum=momentum), nn.Flatten(), nn.Linear(48, 2))
    return wrap(network, input_size=4, mean=(0, 0, 0), std=(1, 1, 1)).eval()


def recomputed(model: PixelModel, images: np.ndarray) -> PixelModel:
    return recompute_batch_norm(
        model, lambda chosen: [images[place] for place in chosen], range(len(images)), batch_size=8, seed=0
    )


def test_statistics_are_those_of_the_images() -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 3), dtype=np.uint8)
    found = recomputed(statistics_of_pixels(0.1), images).network[0].running_mean
    assert torch.allclose(found, torch.from_numpy(images / 255).float().mean((0, 1, 2)), atol=1e-6)


def test_training_forgets_them_as_fast_as_before() -> None:
    """An average that never forgets would describe weights that training has left behind: a crippled thief."""
    images = np.random.default_rng(0).integers(0, 100, (24, 4, 4, 3), dtype=np.uint8)
    for momentum in (0.1, 0.3):
        model = recomputed(statistics_of_pixels(momentum), images)
        layer, bright = model.network[0], torch.ones(8, 3, 4, 4)
        before = layer.running_mean.clone()
        model.train()
        for _ in range(5):
            model(bright)
        left = (1 - momentum) ** 5
        assert torch.allclose(layer.running_mean, left * before + (1 - left) * torch.ones(3), atol=1e-5)


def test_a_plain_average_stays_one() -> None:
    images = np.random.default_rng(0).integers(0, 256, (24, 4, 4, 3), dtype=np.uint8)
    assert recomputed(statistics_of_pixels(None), images).network[0].momentum is None
