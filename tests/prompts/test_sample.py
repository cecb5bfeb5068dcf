"""The sample, and edits that are made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.prompts.edit_cache import EditCache
from spellock.prompts.sample import Sample, sample_places, take_sample

from ..tint_editor import tint_key


def pictures(counts: list[int]) -> ImageSet:
    labels = np.repeat(np.arange(len(counts)), counts)
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 16, 16, 3), dtype=np.uint8)
    return numpy_images(pixels, labels, [f"class {number}" for number in range(len(counts))], name="noise")


@pytest.mark.parametrize(
    ("counts", "images", "expected"),
    [([40, 40], 64, [32, 32]), ([20] * 40, 64, [8] * 8), ([50, 5, 5, 50], 16, [8, 8]), ([60, 10], 64, [54, 10])],
)
def test_few_classes_with_enough_images_each(counts: list[int], images: int, expected: list[int]) -> None:
    whole = pictures(counts)
    places = sample_places(whole, images, seed=0)
    assert len(set(places.tolist())) == images
    assert sorted(np.unique(whole.labels[places], return_counts=True)[1].tolist()) == sorted(expected)
    np.testing.assert_array_equal(places, sample_places(whole, images, seed=0))
    assert places.tolist() != sample_places(whole, images, seed=1).tolist()


@pytest.mark.parametrize(
    ("counts", "images", "says"),
    [
        ([30], 16, "one class only"),
        ([10, 10], 64, "--images 20"),
        ([20, 0], 16, "no images of class"),
        ([14, 2], 16, "only 2"),
    ],
)
def test_sets_that_cannot_be_sampled(counts: list[int], images: int, says: str) -> None:
    with pytest.raises(DataError, match=says):
        sample_places(pictures(counts), images, seed=0)
    with pytest.raises(ConfigError, match="at least 8"):
        sample_places(pictures([20, 20]), 4, seed=0)


def small_sample() -> Sample:
    return take_sample(pictures([9, 9]), 8, lambda image: np.asarray(image), seed=0)


def test_the_sample_is_prepared_and_balanced_from_its_first_image_on() -> None:
    sample = small_sample()
    assert sample.pixels.shape == (8, 16, 16, 3)
    assert sorted(sample.first(2).labels.tolist()) == [0, 1]
    assert sample.names == small_sample().names
    assert len(set(sample.names)) == 8
    assert sample.first(7).names == sample.names[:7]


@pytest.fixture
def counted(tmp_path: Path) -> tuple[EditCache, list[Key], Callable[[], EditCache]]:
    loads: list[Key] = []

    def load(key: Key) -> Editor:
        loads.append(key)
        return load_editor(key)

    def fresh() -> EditCache:
        return EditCache(folder=tmp_path / "edits", make_key=lambda prompt: tint_key(prompt=prompt), load=load)

    return fresh(), loads, fresh


def test_each_edit_is_made_once(counted: tuple[EditCache, list[Key], Callable[[], EditCache]]) -> None:
    cache, loads, fresh = counted
    sample = small_sample()
    first = cache.edits("red", sample)
    again = fresh().edits("red", sample)
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.seconds == again.seconds > 0
    assert len(loads) == 1
    np.testing.assert_array_equal(
        first.pixels, load_editor(tint_key(prompt="red")).edit_uint8(sample.pixels, ids=list(sample.ids))
    )
    np.testing.assert_array_equal(cache.edits("red", sample.first(7)).pixels, first.pixels[:7])
    assert len(loads) == 1
    cache.edits("green", sample.first(7))
    np.testing.assert_array_equal(
        cache.edits_of(tint_key(prompt="green"), sample).pixels[:7], cache.edits("green", sample.first(7)).pixels
    )
    assert len(loads) == 3, "one load for seven images, one for the eighth"


def test_edits_are_private_and_damaged_ones_are_made_again(
    counted: tuple[EditCache, list[Key], Callable[[], EditCache]],
) -> None:
    cache, loads, _ = counted
    sample = small_sample()
    first = cache.edits("red", sample)
    (file,) = cache.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert b"red" not in file.read_bytes()
    for damage in (file.read_bytes()[:100], b"", b"PK\x03\x04rubbish"):
        file.write_bytes(damage)
        np.testing.assert_array_equal(cache.edits("red", sample).pixels, first.pixels)
    assert len(loads) == 4
