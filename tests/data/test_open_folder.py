"""Image folders open lazily, in sorted order; what is not one is refused in one sentence."""

from __future__ import annotations

import errno
import logging
import os

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from spellock.data import check_trainable, open_images, open_labels
from spellock.data.image_files import image_files
from spellock.data.open_boxes import open_boxes
from spellock.data.write_png import encode_png
from spellock.editor_training.photographs import Photographs
from spellock.errors import ConfigError, DataError

from .picture_sets import make_folder, make_table, picture, values


def test_image_folder(tmp_path) -> None:
    make_folder(tmp_path, {"dog": 2, "cat": 3})
    (tmp_path / "cat" / "deeper").mkdir()
    (tmp_path / "cat" / "deeper" / "X.JPG").write_bytes(encode_png(picture(9)))
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    images = open_images(tmp_path)
    assert images.classes == ("cat", "dog")
    assert images.ids == ["cat/0.png", "cat/1.png", "cat/2.png", "cat/deeper/X.JPG", "dog/0.png", "dog/1.png"]
    assert images.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert images.labels.dtype == np.int64
    assert values(images) == [2, 3, 4, 9, 0, 1]
    part = images.subset([5, 0])
    assert (part.ids, part.labels.tolist(), values(part)) == (["dog/1.png", "cat/0.png"], [1, 0], [1, 2])
    assert open_images(images) is images


def test_folder_links_do_not_loop(tmp_path) -> None:
    make_folder(tmp_path, {"dog": 2, "cat": 3})
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    assert len(open_images(tmp_path)) == 5


def test_a_folder_that_cannot_be_looked_into_is_not_passed_over(tmp_path, monkeypatch, caplog) -> None:
    """Its images would be missing from training, or from what is measured, without a word."""
    make_folder(tmp_path, {"dog": 2, "cat": 3})
    (tmp_path / "cat" / "closed").mkdir()
    look = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"cannot look into .*closed: Permission denied"):
        open_images(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert len(open_images(tmp_path, on_error="skip")) == 5
    assert "skipped: cannot look into" in caplog.text
    for opened in (image_files, lambda folder: Photographs(folder=folder, resolution=8, crops=1, seed=0)):
        with pytest.raises(DataError, match=r"cannot look into .*closed: Permission denied"):
            opened(tmp_path / "cat")


def test_names_that_are_no_text(tmp_path) -> None:
    make_folder(tmp_path, {"dog": 1, "cat": 1})
    odd = os.fsdecode(b"caf\xe9")
    (tmp_path / "cat" / "0.png").rename(tmp_path / "cat" / f"{odd}.png")
    images = open_images(tmp_path)
    assert images.ids[0] == f"cat/{odd}.png"
    assert values(images) == [1, 0]
    (tmp_path / "cat").rename(tmp_path / odd)
    with pytest.raises(DataError, match=r"'caf\\udce9' .* not UTF-8 text; rename it"):
        open_images(tmp_path)


def test_folder_with_splits(tmp_path) -> None:
    make_folder(tmp_path / "train", {"a": 2, "b": 1})
    make_folder(tmp_path / "val", {"a": 1, "b": 1})
    assert len(open_images(tmp_path)) == 3
    assert open_images(str(tmp_path), split="val").ids == ["val/a/0.png", "val/b/0.png"]
    with pytest.raises(DataError, match="no split 'test'; it has train, val"):
        open_images(tmp_path, split="test")
    (tmp_path / "train").rename(tmp_path / "test")
    with pytest.raises(DataError, match="say which"):
        open_images(tmp_path)


def test_opening_decodes_nothing(tmp_path, monkeypatch) -> None:
    make_folder(tmp_path / "folder", {"a": 2, "b": 1})
    pq.write_table(make_table([1, 2], [0, 1]), tmp_path / "t.parquet")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr(Image, "open", never)
    assert len(open_images(tmp_path / "folder")) == 3
    assert len(open_images(tmp_path / "t.parquet")) == 2


def test_missing_empty_and_odd_places(tmp_path) -> None:
    cases = {
        tmp_path / "missing": "does not exist",
        str(tmp_path / "x.parquet"): "does not exist",
        "nowhere_at_all": "does not exist",
    }
    (tmp_path / "empty").mkdir()
    cases[tmp_path / "empty"] = "it is empty"
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(encode_png(picture(1)))
    cases[tmp_path / "flat"] = "no class sub-folders"
    (tmp_path / "bare" / "cat").mkdir(parents=True)
    cases[tmp_path / "bare"] = "no images in them"
    (tmp_path / "list.csv").write_text("a,b")
    cases[tmp_path / "list.csv"] = "no image folder or parquet file"
    for source, reason in cases.items():
        with pytest.raises(DataError, match=reason) as caught:
            open_images(source)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="on_error"):
        open_images(tmp_path, on_error="ignore")
    with pytest.raises(ConfigError, match="max_pixels"):
        open_images(tmp_path, max_pixels=0)


def test_sets_that_no_classifier_can_be_trained_on(tmp_path) -> None:
    for number, (classes, reason) in enumerate(
        [
            ({"a": 3}, "one class only"),
            ({"a": 3, "b": 1, "c": 0}, "no images of class 'c'"),
            ({"a": 1, "b": 1, "c": 0}, "2 images for 3 classes"),
        ]
    ):
        with pytest.raises(DataError, match=reason):
            check_trainable(open_images(make_folder(tmp_path / str(number), classes)))
    check_trainable(open_images(make_folder(tmp_path / "good", {"a": 1, "b": 1})))


def test_broken_images_are_named_and_skipped_or_fatal(tmp_path, caplog) -> None:
    make_folder(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "1.png").write_bytes(b"junk")
    strict, lenient = open_images(tmp_path), open_images(tmp_path, on_error="skip")
    with pytest.raises(DataError, match=r"a/1\.png"):
        list(strict.decoded())
    assert [index for index, _ in lenient.decoded()] == [0, 2, 3]
    assert "a/1.png" in caplog.text
    assert lenient.readable().ids == ["a/0.png", "b/0.png", "b/1.png"]
    (tmp_path / "b" / "0.png").write_bytes(encode_png(np.zeros((20, 20, 3), np.uint8)))
    with pytest.raises(DataError, match="more than the 100 allowed"):
        open_images(tmp_path, max_pixels=100).open(2)


def test_sets_with_boxes_are_told_from_folders_of_classes(tmp_path) -> None:
    make_folder(tmp_path / "coco", {"train": 2})
    make_folder(tmp_path / "classes", {"annotations": 1, "cat": 1})
    for name in ("coco", "classes"):
        (tmp_path / name / "annotations").mkdir(exist_ok=True)
        (tmp_path / name / "annotations" / "instances_train.json").write_text("{}")
    (tmp_path / "voc" / "Annotations").mkdir(parents=True)
    (tmp_path / "voc" / "JPEGImages").mkdir()
    for name in ("coco", "voc"):
        with pytest.raises(DataError, match=r"is a set with boxes, .*--task detection, or open_boxes"):
            open_images(tmp_path / name)
    assert open_images(tmp_path / "classes").classes == ("annotations", "cat")


@pytest.mark.parametrize(("read", "expected"), [(open_labels, "a table of labels"), (open_boxes, "COCO json")])
def test_the_hub_is_for_one_class_an_image(read, expected: str) -> None:
    with pytest.raises(DataError, match=f"hf://a/b is a data set of the Hugging Face hub, .* give {expected}"):
        read("hf://a/b", split=None)
