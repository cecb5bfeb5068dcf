"""Sets, keys and folders that cannot be locked are refused in one sentence; damaged locked sets are told."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spellock.data import numpy_images
from spellock.errors import ConfigError, DataError, StorageError
from spellock.locking.lock_images import lock_images
from spellock.locking.locked_set import LockedSet

from .fake_editor import FakeEditor, fake_key, random_images
from .locked_sets import lock


@pytest.mark.parametrize(
    ("images", "reason"),
    [
        (random_images(20, classes=1), "one class only"),
        (random_images(3, classes=5), "3 images for 5 classes"),
        (random_images(20).subset([0, 1, 2, 4, 5, 6]), "no images of class 'class 3'"),
        (random_images(20).subset([]), "no images"),
    ],
)
def test_sets_that_cannot_be_locked_are_refused_in_one_sentence(tmp_path, key, images, reason) -> None:
    with pytest.raises(DataError, match=reason) as caught:
        lock(images, key, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_class_too_small_for_a_raw_sample(tmp_path, key) -> None:
    images = random_images(41).subset([*range(0, 40, 4), *range(1, 40, 4), *range(2, 40, 4), 3])
    with pytest.raises(DataError, match=r"'class 3' with 1 images.*raw_twins"):
        lock(images, key, tmp_path / "a")
    assert lock(images, key, tmp_path / "b", missing_raw="accept").classes[-1] == "other"
    assert "twin" in {entry.kind for entry in lock(images, key, tmp_path / "c", raw_twins=True).entries}


def test_lock_class_and_folder_names_are_checked(tmp_path, key) -> None:
    pixels = np.zeros((8, 4, 4, 3), np.uint8)
    with pytest.raises(ConfigError, match="lock_class_name"):
        lock(numpy_images(pixels, [0, 1] * 4, ["Other", "cat"]), key, tmp_path / "out")
    slashed = numpy_images(pixels, [0, 1] * 4, ["AC/DC", "cat"])
    with pytest.raises(DataError, match="parquet layout"):
        lock(slashed, key, tmp_path / "out")
    locked = lock(slashed, key, tmp_path / "parquet", layout="parquet", validation=0.3)
    assert locked.classes == ("AC/DC", "cat", "other")
    assert locked.validation()[0].classes == ("AC/DC", "cat")


class Broken(type(random_images(1))):  # type: ignore[misc]
    """Some images cannot be decoded."""

    bad = frozenset((3, 50))

    def open(self, index):
        if index in self.bad:
            raise DataError(f"{self.ids[index]} cannot be decoded")
        return super().open(index)


def test_broken_images_are_named_and_fatal_or_skipped(tmp_path, key, caplog) -> None:
    whole = random_images(100)
    images = Broken(whole._arrays, whole.labels, whole.classes, name="random")
    with pytest.raises(DataError, match="random#3 cannot be decoded"):
        lock(images, key, tmp_path / "out")
    locked = lock(images, key, tmp_path / "out", on_error="skip")  # may change on resume
    assert not {"random#3", "random#50"} & {entry.source for entry in locked.entries}
    assert "random#50" in caplog.text
    skipped = json.loads((tmp_path / "out" / "owner" / "skipped.json").read_text())["skipped"]
    assert [item["source"] for item in skipped] == ["random#3", "random#50"]
    everything = Broken(whole._arrays, whole.labels, whole.classes, name="random")
    everything.bad = frozenset(range(100))
    with pytest.raises(DataError, match="none of the images"):
        lock(everything, key, tmp_path / "none", on_error="skip")


def test_editor_of_another_key_and_foreign_folders_are_refused(tmp_path, key) -> None:
    with pytest.raises(ConfigError, match="another key"):
        lock_images(random_images(20), fake_key(secret=3), tmp_path / "out", editor=FakeEditor(key))
    (tmp_path / "diary.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"diary\.txt"):
        lock(random_images(20), key, tmp_path)
    with pytest.raises(StorageError, match="is a file"):
        lock(random_images(20), key, tmp_path / "diary.txt")


def test_arrays_can_be_memory_mapped(tmp_path, key) -> None:
    locked = lock(random_images(40), key, tmp_path / "out")
    mapped = locked.arrays(tmp_path / "cache.npy")
    assert isinstance(mapped, np.memmap)
    assert np.array_equal(mapped, locked.arrays())
    other = lock(random_images(44), key, tmp_path / "other")
    with pytest.raises(DataError, match="another set"):
        other.arrays(tmp_path / "cache.npy")


def test_damaged_outputs_are_told(tmp_path, key) -> None:
    lock(random_images(40), key, tmp_path / "out")
    next((tmp_path / "out" / "locked_set").rglob("*.png")).unlink()
    with pytest.raises(DataError, match="not those of the manifest"):
        LockedSet.open(tmp_path / "out")
    (tmp_path / "out" / "owner" / "manifest.jsonl").write_text("{\n")
    with pytest.raises(DataError, match="line 1"):
        LockedSet.open(tmp_path / "out")


def test_an_id_that_is_there_twice_stops_before_anything_is_edited(tmp_path, key) -> None:
    images = numpy_images(np.zeros((8, 8, 8, 3), np.uint8), [0, 1] * 4, ["a", "b"], ids=["x"] * 8)
    editor = FakeEditor(key)
    with pytest.raises(DataError, match="two images have the same id"):
        lock_images(images, key, tmp_path / "out", editor=editor, load=FakeEditor)
    assert not editor.edited
    assert not (tmp_path / "out").exists()


def test_a_class_name_that_is_no_text_is_refused(tmp_path, key) -> None:
    images = numpy_images(np.zeros((8, 8, 8, 3), np.uint8), [0, 1] * 4, ["a", "\udcff"])
    with pytest.raises(DataError, match="cannot be a folder name"):
        lock(images, key, tmp_path / "out")
