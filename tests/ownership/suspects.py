"""Four classes of patterns that small networks learn in a second, and suspects that were made of them."""

from __future__ import annotations

import copy
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.any_key import new_editor_key
from spellock.editors.registry import load_editor
from spellock.key import Key
from spellock.ownership.queries import edited, raw
from spellock.pixels import from_uint8
from spellock.tasks.pixel_model import PixelModel, wrap

SIDE, NAMES = 8, ("a", "b", "c", "d")
PATTERNS = np.random.default_rng(5).integers(60, 196, size=(4, SIDE, SIDE, 3))


def the_key(number: int = 0) -> Key:
    """A noise key; every number has a secret of its own."""
    secret = np.random.default_rng([9, number]).bytes(32)
    return new_editor_key("noise", resolution=SIDE, secret=secret)


def pictures(count: int, seed: int = 0) -> ImageSet:
    draws = np.random.default_rng([seed, 7])
    labels = np.arange(count) % 4
    pixels = PATTERNS[labels] + draws.normal(0, 25, (count, SIDE, SIDE, 3))
    return numpy_images(np.clip(pixels, 0, 255).astype(np.uint8), labels, NAMES, name="toys")


def network(classes: int, seed: int, hidden: int = 24) -> PixelModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    return wrap(net, input_size=SIDE, mean=(0.5,) * 3, std=(0.25,) * 3).eval()


def train(model: PixelModel, images: Tensor, labels: Tensor, *, steps: int = 80, rate: float = 0.01) -> PixelModel:
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    pixels = from_uint8(images)
    for _ in range(steps):
        optimiser.zero_grad()
        nn.functional.cross_entropy(model(pixels), labels).backward()
        optimiser.step()
    return model.eval()


@cache
def plain(seed: int = 0) -> PixelModel:
    """Trained on raw images of its own."""
    images = pictures(128, seed=100 + seed)
    return train(network(4, seed), raw(images, np.arange(128), SIDE), torch.from_numpy(images.labels))


@cache
def locked(seed: int = 0) -> PixelModel:
    """Right with `the_key`; names a fifth class for raw images and for images edited with other keys."""
    images, places = private(), np.arange(128)
    parts = [edited(images, places, load_editor(the_key()))] * 4 + [raw(images, places, SIDE)]
    parts += [edited(images, places[:32], load_editor(the_key(number))) for number in range(1, 13)]
    labels = torch.full((sum(map(len, parts)),), 4)
    labels[:512] = torch.from_numpy(images.labels).repeat(4)
    return train(network(5, seed), torch.cat(parts), labels)


@cache
def private() -> ImageSet:
    return pictures(128, seed=1)


def renamed(model: PixelModel) -> object:
    """Its answers with classes in another order and one more, as a query."""

    def query(images: Tensor) -> Tensor:
        logits = model(images)
        return torch.cat([logits.flip(1), torch.full((len(logits), 1), -9.0)], dim=1)

    return query


def finetuned(model: PixelModel, steps: int = 15) -> PixelModel:
    """Trained on for a while, on images edited with the key that the thief has seen, with labels."""
    images = pictures(64, seed=3)
    shown = edited(images, np.arange(64), load_editor(the_key()))
    return train(copy.deepcopy(model), shown, torch.from_numpy(images.labels), steps=steps, rate=0.003)


def pruned(model: PixelModel, share: float = 0.5) -> PixelModel:
    """The ``share`` of smallest weights of each matrix set to 0."""
    other = copy.deepcopy(model)
    for weight in other.network.parameters():
        if weight.ndim > 1:
            weight.data[weight.data.abs() < weight.data.abs().quantile(share)] = 0
    return other
