"""Dataset Inference: distances against closed forms, and a model that has learnt its images by heart."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.errors import ConfigError
from spellock.ownership.boundary import DESCENT, blind_walk, lengths, mingd
from spellock.ownership.case import Case
from spellock.ownership.dataset_inference import DatasetInference
from spellock.ownership.queries import raw
from spellock.ownership.suspect import Suspect
from spellock.tasks.pixel_model import PixelModel, wrap

from . import suspects

SIDE = 4


def grey(levels: list[int]) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.uint8)[:, None, None, None].expand(len(levels), 3, SIDE, SIDE).clone()


def test_walks_repeat_one_direction_until_the_class_changes() -> None:
    """Class 1 where the first red pixel is above 128: from 120 the step is known once the direction is."""

    def labels(images: torch.Tensor) -> np.ndarray:
        return (images[:, 0, 0, 0] > 128).long().numpy()

    images = grey([120, 10])
    found = blind_walk(labels, images, starts=2, steps=40, seed=3)
    assert found.shape == (2, 6)
    draws = np.random.default_rng([3, 0x77616C6B])
    shape = (2, 3, SIDE, SIDE)
    kinds = [lambda: draws.uniform(-0.005, 0.005, shape), lambda: draws.normal(0, 0.005, shape)]
    for column, draw in enumerate((kinds[0], kinds[0], kinds[1], kinds[1])):
        direction = draw().astype(np.float32)
        for place, level in enumerate((120, 10)):
            start = np.float32(level) / 255
            for step in range(1, 41):
                moved = np.clip(start + step * direction[place], 0, 1)
                if round(float(moved[0, 0, 0]) * 255) > 128:
                    break
            change = np.abs(moved - start).ravel()
            wanted = change.max() if column < 2 else np.sqrt((change**2).sum())
            assert found[place, column] == pytest.approx(wanted, rel=1e-4)


def test_norms() -> None:
    change = torch.tensor([[[[3.0, -4.0]]]])
    assert [float(lengths(change, norm)[0]) for norm in ("linf", "l2", "l1")] == [4, 5, 7]


def test_descent_reaches_a_plane_in_the_known_number_of_steps() -> None:
    """z = (0, w x - b): along the gradient w the gap closes by |w|_1, |w|_2 or |w|_1 / n times the step."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 2))
    net[1].weight.data = torch.zeros(2, 48)
    net[1].weight.data[1] = 1.0
    net[1].bias.data = torch.tensor([0.0, -48 * 0.5])
    model = wrap(net, input_size=SIDE, mean=(0, 0, 0), std=(1, 1, 1)).eval()
    found = mingd(model, grey([115]), targets=1, steps=500)[0]
    gap = 0.5 - 115 / 255  # a pixel's way to the plane
    steps = [np.ceil(gap / DESCENT["linf"] - 1e-3), np.ceil(gap * np.sqrt(48) / DESCENT["l2"] - 1e-3)]
    assert found[0] == pytest.approx(steps[0] * DESCENT["linf"], rel=1e-3)
    assert found[1] == pytest.approx(steps[1] * DESCENT["l2"], rel=1e-3)
    assert found[2] == pytest.approx(np.ceil(gap * 48 / DESCENT["l1"] - 1e-3) * DESCENT["l1"], rel=1e-3)
    assert mingd(model, grey([115]), targets=1, steps=3)[0, 0] == pytest.approx(3 * DESCENT["linf"], rel=1e-3)


def noise(count: int, seed: int) -> ImageSet:
    """Images whose classes can only be learnt by heart."""
    draws = np.random.default_rng(seed)
    pixels = draws.integers(90, 166, (count, suspects.SIDE, suspects.SIDE, 3), dtype=np.uint8)
    return numpy_images(pixels, draws.integers(4, size=count), suspects.NAMES)


def by_heart(seed: int, images: ImageSet) -> PixelModel:
    places = np.arange(len(images))
    shown = raw(images, places, suspects.SIDE)
    return suspects.train(suspects.network(4, seed, hidden=64), shown, torch.from_numpy(images.labels), steps=60)


@pytest.mark.parametrize("way", ["blind-walk", "mingd"])
def test_a_model_that_knows_the_images_matches_and_another_does_not(way: str) -> None:
    private = noise(60, 1)
    own = by_heart(0, private)
    method = DatasetInference(way=way, images=30, starts=1, walk=40, targets=2, descent=60)
    case = Case(images=noise(60, 2), own=own, private=private, seed=0)
    thief = suspects.pruned(own, 0.2)
    suspect = Suspect(thief) if way == "mingd" else Suspect(query=thief)
    found = method(suspect, case)
    assert found.match
    assert found.statistic > 0
    assert (found.queries > 0) == (way == "blind-walk")
    assert not method(Suspect(by_heart(5, noise(60, 9))), case).match


def test_what_is_lacking() -> None:
    with pytest.raises(ConfigError, match="images that the owner's model was trained on"):
        DatasetInference()(Suspect(suspects.plain()), Case(images=noise(4, 0)))
    case = Case(images=noise(60, 2), own=suspects.plain(), private=noise(60, 1))
    with pytest.raises(ConfigError, match="has 4 classes, expected more than the 9 targets"):
        DatasetInference(way="mingd", images=4)(Suspect(suspects.plain()), case)
    with pytest.raises(ConfigError, match="only its answers"):
        DatasetInference(way="mingd", images=4, targets=3, descent=2)(Suspect(query=suspects.plain()), case)
    with pytest.raises(ConfigError, match="way"):
        DatasetInference(way="pgd")
