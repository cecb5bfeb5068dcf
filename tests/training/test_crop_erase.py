"""Random resized crops and erasing, each part by itself."""

from __future__ import annotations

import pytest
import torch

from spellock.errors import ConfigError
from spellock.training.augment import make_augment
from spellock.training.config import FinetuneConfig
from spellock.training.crop_erase import CropErase

WHOLE = (1.0, 1.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(count: int = 6, size: int = 16) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator())


def ramps(count: int, size: int = 32) -> torch.Tensor:
    """Brightness rises by 4 levels a pixel from left to right."""
    return (4 * torch.arange(size)).to(torch.uint8).expand(count, 3, size, size)


def test_the_whole_image_without_flip_and_erasing_is_the_image() -> None:
    images = pictures()
    still = CropErase(area=WHOLE, ratio=WHOLE, flip=False, erase=0)
    assert torch.equal(still(images, generator()), images)


def test_half_of_the_images_are_mirrored() -> None:
    images = pictures(400)
    found = CropErase(area=WHOLE, ratio=WHOLE, erase=0)(images, generator())
    mirrored = (found == images.flip(3)).flatten(1).all(1)
    assert bool((mirrored | (found == images).flatten(1).all(1)).all())
    assert 150 < int(mirrored.sum()) < 250


def test_crops_have_the_asked_area_lie_inside_and_occur_everywhere() -> None:
    images = ramps(300)
    quarter = CropErase(area=(0.25, 0.25), ratio=WHOLE, flip=False, erase=0)
    found = quarter(images, generator()).float()
    rows = found[:, 0, 0]
    widths = rows.amax(1) - rows.amin(1)
    # Half of the side is 16 pixels of 4 levels; first and last sample lie half a target pixel inside, and bytes round.
    assert bool(((widths >= 60) & (widths <= 64)).all())
    assert rows.min() <= 4
    assert rows.max() >= 4 * 31 - 4
    centres = rows.mean(1)
    assert centres.min() < 40
    assert centres.max() > 84


def test_erasing_puts_one_rectangle_of_noise_on_the_asked_share_of_images() -> None:
    black = torch.zeros(400, 3, 32, 32, dtype=torch.uint8)
    found = CropErase(erase=0.25)(black, generator())
    hit = found.sum(1) > 0  # noise is black in all three channels once in 16 million pixels
    touched = hit.flatten(1).any(1)
    assert 60 < int(touched.sum()) < 140
    for mask in hit[touched]:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns[None])
        assert 0.01 < float(mask.float().mean()) < 0.4
    assert found.unique().numel() == 256


def test_same_generator_same_result() -> None:
    images, augment = pictures(), CropErase()
    first = augment(images, generator(3))
    assert first.dtype == torch.uint8
    assert first.shape == images.shape
    assert torch.equal(first, augment(images.contiguous(memory_format=torch.channels_last), generator(3)))
    assert not torch.equal(first, augment(images, generator(4)))


@pytest.mark.parametrize(("row", "kept"), [(58, False), (29, True)])
def test_a_patch_in_the_corner_is_mostly_lost_and_one_in_the_middle_mostly_kept(row: int, kept: bool) -> None:
    images = torch.zeros(400, 3, 64, 64, dtype=torch.uint8)
    images[:, :, row : row + 6, row : row + 6] = 255
    found = CropErase(erase=0)(images, generator())
    share = float((found.amax((1, 2, 3)) > 200).float().mean())
    assert share > 0.6 if kept else share < 0.4


def test_it_is_an_option_of_the_training() -> None:
    assert make_augment("random-resized-crop-erase") == CropErase()
    assert FinetuneConfig(augment="random-resized-crop-erase").augment == "random-resized-crop-erase"
    with pytest.raises(ConfigError, match="random-resized-crop-erase"):
        FinetuneConfig(augment="cut")  # type: ignore[arg-type]
