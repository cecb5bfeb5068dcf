"""Augmentation and mixing against pixel-by-pixel restatements."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from spellock.training.augment import Augment, make_augment
from spellock.training.mixup import Mixer


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 40, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator())


@pytest.mark.parametrize("flip", [False, True])
def test_every_result_is_a_crop_of_the_reflected_image_and_all_places_occur(flip: bool) -> None:
    images = pictures(400)
    augmented = Augment(flip=flip)(images, generator(1))
    assert augmented.dtype == torch.uint8
    assert augmented.shape == images.shape
    padded = F.pad(images.float(), (2, 2, 2, 2), mode="reflect").to(torch.uint8)
    found = set()
    for i in range(len(images)):
        for top in range(5):
            for left in range(5):
                crop = padded[i, :, top : top + 16, left : left + 16]
                found |= {
                    (top, left, way)
                    for way in range(1 + flip)
                    if torch.equal(augmented[i], crop.flip(2) if way else crop)
                }
    assert len(found) == 25 * (1 + flip)  # a wrong gather would match nothing


def test_all_results_match_some_crop() -> None:
    images = torch.full((8, 3, 16, 16), 7, dtype=torch.uint8)
    assert torch.equal(Augment()(images, generator()), images)  # reflection brings in no new colour


def test_names() -> None:
    assert make_augment("none") is None
    assert make_augment("crop") == Augment(flip=False)
    assert make_augment("crop-flip") == Augment(flip=True)


def test_same_generator_same_result_and_memory_order_does_not_matter() -> None:
    images = pictures()
    first = Augment()(images, generator(3))
    assert torch.equal(first, Augment()(images.contiguous(memory_format=torch.channels_last), generator(3)))
    assert not torch.equal(first, Augment()(images, generator(4)))


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0), (0.5, 0.5)])
def test_mixing_stays_inside_a_kind_and_targets_follow_pixels(mixup: float, cutmix: float) -> None:
    kind = np.arange(12) % 3 == 0
    images = torch.from_numpy(np.where(kind, 1.0, 0.0)).float().view(12, 1, 1, 1).expand(12, 3, 8, 8).contiguous()
    labels = torch.from_numpy(np.where(kind, 1, 0))
    mixer = Mixer(mixup=mixup, cutmix=cutmix, num_classes=2)
    for seed in range(5):
        mixed, targets = mixer(images, labels, kind, np.random.default_rng(seed))
        torch.testing.assert_close(mixed, images)  # partners are of the same kind, here of the same colour
        torch.testing.assert_close(targets, F.one_hot(labels, 2).float())


@pytest.mark.parametrize(("mixup", "cutmix"), [(1.0, 0.0), (0.0, 1.0)])
def test_targets_are_the_shares_of_the_pixels(mixup: float, cutmix: float) -> None:
    images = torch.eye(3).view(3, 3, 1, 1).expand(3, 3, 8, 8).contiguous()  # class k has colour k
    for seed in range(10):
        mixer = Mixer(mixup=mixup, cutmix=cutmix, num_classes=3)
        mixed, targets = mixer(images, torch.arange(3), None, np.random.default_rng(seed))
        torch.testing.assert_close(mixed.mean((2, 3)), targets)
