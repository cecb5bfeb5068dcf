"""Wrong edits of those who have edited images."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from spellock.data import ImageSet, numpy_images
from spellock.editors.base import Editor
from spellock.editors.diffusion import DiffusionEditor
from spellock.editors.imitation import Imitation
from spellock.editors.leaked_keys import GUESSES
from spellock.editors.partly_right import PartlyRight
from spellock.editors.presets import new_key
from spellock.errors import ConfigError, DataError
from spellock.key import Key
from spellock.locking.config import LockConfig
from spellock.locking.leaks import leaks
from spellock.locking.lock_images import lock_images
from spellock.locking.references import References

from .fake_editor import fake_key, random_images

SECRET = bytes(range(32))


class Tinting(Editor):
    """Adds an amount of each colour that prompt, weave and secret say."""

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        told = [self.key.settings[name] for name in ("prompt", "weave_text")]
        digest = hashlib.sha256(f"{told}".encode() + bytes(self.key.secret)).digest()
        return (images / 2 + images.new_tensor(list(digest[:3])).view(3, 1, 1) / 512).clamp(0, 1)


@pytest.fixture
def key() -> Key:
    return new_key("embedded", secret=SECRET, weave=0.1, resolution=8)


def of(key: Key, count: int, *, seed: int = 0, images: ImageSet | None = None) -> list[Editor]:
    references = References(Tinting(key), images or random_images(40))
    found = leaks(key, count, load=Tinting, references=references, seed=seed)
    return [one() for one in found]  # type: ignore[misc]


def test_of_a_thiefs_guesses_the_nearest_is_taken(key: Key) -> None:
    images, seed = random_images(40), int.from_bytes(key.derive("decoy leaked keys 3", 8), "big")
    raw = np.stack([np.asarray(images.open(place)) for place in range(2)])
    right, several = Tinting(key).edit_uint8(raw).astype(int), 0
    groups = DiffusionEditor.leaked_keys(key, seed=seed)
    for found in of(key, 16, seed=3, images=images)[:6]:
        guesses = next(groups)
        away = [np.abs(Tinting(one).edit_uint8(raw) - right).astype(float) ** 2 for one in guesses]
        assert found.key == guesses[int(np.argmin([one.mean() for one in away]))]
        several += len(guesses) == GUESSES
    assert several >= 3, "else there was nothing to choose"


def test_some_are_right_in_part(key: Key) -> None:
    found = of(key, 16)
    assert [isinstance(one, PartlyRight) for one in found] == [False] * 6 + [True] * 6 + [False] * 4
    raw = np.stack([np.asarray(random_images(40).open(place)) for place in range(8)])
    right = Tinting(key).edit_uint8(raw).astype(int)
    changed = np.abs(right - raw).mean()
    for one in found[6:12]:
        assert isinstance(one, PartlyRight)
        assert one.right.key == key
        away, wrongly = (np.abs(other.edit_uint8(raw) - right).mean() for other in (one, one.wrong))
        assert 0.3 * changed < away < 1.01 * wrongly
    parts = [one.part for one in found[6:12] if isinstance(one, PartlyRight)]
    assert len({type(part) for part in parts}) > 1
    assert [one.part for one in of(key, 16)[6:12] if isinstance(one, PartlyRight)] == parts
    assert [one.part for one in of(key, 16, seed=1)[6:12] if isinstance(one, PartlyRight)] != parts


def test_a_guess_that_is_nearly_right_is_left_whole(key: Key) -> None:
    """Every part of what differs little from the right edit would be taken for it."""

    class Near(Tinting):
        def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
            return images * 0.2 if self.key == key else images * 0.22

    found = leaks(key, 8, load=Near, references=References(Near(key), random_images(40)), seed=0)
    assert not any(isinstance(one(), PartlyRight) for one in found)


def test_a_quarter_of_them_has_no_key_but_statistics(key: Key) -> None:
    found = of(key, 16)
    assert [isinstance(one, Imitation) for one in found] == [False] * 12 + [True] * 4
    raw = np.stack([np.asarray(random_images(40).open(place)) for place in range(40)])
    edits = [one.edit_uint8(raw) for one in found[12:]]
    assert all(np.abs(one.mean((0, 1, 2)) - Tinting(key).edit_uint8(raw).mean((0, 1, 2))).max() < 12 for one in edits)
    assert len({one.tobytes() for one in edits}) == 4
    again = [one.edit_uint8(raw) for one in of(key, 16)[12:]]
    assert all(np.array_equal(one, two) for one, two in zip(edits, again, strict=True))
    assert not np.array_equal(edits[0], of(key, 16, seed=1)[12].edit_uint8(raw))


@pytest.mark.parametrize(("side", "pool"), [(8, 256), (224, 79), (512, 32)])
def test_large_images_are_drawn_from_fewer(key: Key, side: int, pool: int) -> None:
    asked: list[int] = []

    def references(count: int) -> object:
        asked.append(count)
        raise _Enough

    *_, imitation = leaks(key.replace(resolution=side), 4, load=Tinting, references=references, seed=0)  # type: ignore[arg-type]
    with pytest.raises(_Enough):
        imitation()
    assert asked == [pool]


class _Enough(Exception):
    """What is asked for is known."""


def test_a_share_of_the_wrong_edits_is_theirs(key: Key, tmp_path: Path) -> None:
    loaded: list[Key] = []

    def load(one: Key) -> Editor:
        loaded.append(one)
        return Tinting(one)

    config = LockConfig(decoys=48, decoy_keys=24, decoy_leaks=0.5)
    made = lock_images(random_images(60), key, tmp_path / "out", config, editor=Tinting(key), load=load)
    assert sum(entry.kind == "decoy" for entry in made.entries) == 48
    assert {entry.decoy_key for entry in made.entries if entry.kind == "decoy"} == set(range(1, 25))
    text = key.settings["prompt"]
    guessed = [one for one in loaded if one.secret == key.secret and one.settings["weave_text"] == text]
    assert len(loaded) > 12 + 8
    assert len(guessed) > 8


def test_a_single_leak_is_one_guess(key: Key) -> None:
    assert [isinstance(one, Imitation) for one in of(key, 1)] == [False]
    assert of(key, 0) == []


@pytest.mark.parametrize("other", [new_key("embedded", secret=SECRET, weave=0.0, resolution=8), fake_key()])
def test_nothing_can_be_read_off_other_edits(other: Key) -> None:
    with pytest.raises(ConfigError, match=r"decoy_leaks is set but this key has no weave"):
        leaks(other, 4, load=Tinting, references=References(Tinting(other), random_images(4)), seed=0)


def test_references_are_the_first_images_that_can_be_read(key: Key) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = _Torn(numpy_images(pixels, np.zeros(6, np.int64), ["a"], name="torn"))
    references = References(Tinting(key), images)  # type: ignore[arg-type]
    raw, edited, ids = references(2)
    assert ids == ["1", "2"]
    assert np.array_equal(raw, pixels[1:3])
    assert np.array_equal(edited, Tinting(key).edit_uint8(raw))
    raw, edited, ids = references(9)
    assert ids == ["1", "2", "3", "4", "5"]
    assert len(raw) == len(edited) == 5
    assert references(1)[2] == ["1"]
    with pytest.raises(DataError, match="none of the images can be decoded"):
        References(Tinting(key), _Torn(images.images.subset([0])))(1)  # type: ignore[arg-type]


class _Torn:
    """A set whose first image cannot be decoded."""

    def __init__(self, images: ImageSet) -> None:
        self.images, self.name = images, images.name
        self.ids = [str(place) for place in range(len(images))]

    def __len__(self) -> int:
        return len(self.images)

    def open(self, place: int) -> object:
        if place == 0:
            raise DataError("torn")
        return self.images.open(place)
