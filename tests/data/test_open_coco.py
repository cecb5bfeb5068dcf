"""COCO json: what is read, and what is wrong with a file, by file and id."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spellock.data.annotation import Annotation
from spellock.data.box_set import check_box_set, only_categories
from spellock.data.open_boxes import open_boxes
from spellock.data.write_coco import write_coco
from spellock.data.write_png import encode_png
from spellock.errors import ConfigError, DataError, MissingSplitError

from ..box_sets import NAMES, squares, write_coco_set


def test_a_folder_of_splits_is_read(tmp_path: Path) -> None:
    train, val = squares(6), squares(3, seed=1)
    write_coco_set(tmp_path, train)
    write_coco_set(tmp_path, val, split="val")
    found = open_boxes(tmp_path)
    assert (found.classes, found.ids, found.task) == (NAMES, train.ids, "detection")
    for one, other in zip(found.labels, train.labels, strict=True):
        assert one.to_json() == other.to_json()
    assert np.array_equal(np.asarray(found.open(2)), np.asarray(train.open(2)))
    assert len(open_boxes(tmp_path, split="val")) == 3
    assert len(open_boxes(tmp_path / "annotations" / "instances_val.json")) == 3
    assert len(open_boxes(tmp_path / "annotations" / "instances_val.json", split="val")) == 3
    with pytest.raises(MissingSplitError, match="no split 'test'; its name says 'val'"):
        open_boxes(tmp_path / "annotations" / "instances_val.json", split="test")


def test_polygons_and_compressed_runs_are_read(tmp_path: Path) -> None:
    content = write_coco_set(tmp_path, squares(4))
    for number, one in enumerate(content["annotations"]):
        left, top, width, height = one["bbox"]
        if number % 2:
            ring = [left, top, left + width, top, left + width, top + height, left, top + height]
            one["segmentation"] = [ring]
    _write(tmp_path, content)
    for one, other in zip(open_boxes(tmp_path).labels, squares(4).labels, strict=True):
        assert np.array_equal(one.decoded(), other.decoded())


def test_a_set_without_some_segmentation_has_boxes_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = write_coco_set(tmp_path, squares(4))
    del content["annotations"][0]["segmentation"]
    _write(tmp_path, content)
    with caplog.at_level(logging.WARNING):
        assert all(one.masks is None for one in open_boxes(tmp_path).labels)
    assert "1 of 6 objects have no segmentation, first annotation 1, so the set is read without masks" in caplog.text


def test_images_without_objects_are_kept(tmp_path: Path) -> None:
    content = write_coco_set(tmp_path, squares(4))
    content["annotations"] = [one for one in content["annotations"] if one["image_id"] != 8]
    _write(tmp_path, content)
    found = open_boxes(tmp_path)
    assert len(found) == 4
    assert found.labels[1].masks == ()


def _first(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["annotations"][0].update(changes)


WRONG: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "hardly any area": (_first(bbox=[5, 5, 1e-5, 4]), "has hardly an area"),
    "a number too large": (_first(bbox=[10**400, 5, 3, 4]), "its bbox holds a number that is too large"),
    "a run too large": (_first(segmentation={"size": [48, 64], "counts": [10**30]}), "neither text nor numbers"),
    "a file under another name": (
        lambda c: c["images"][1].update(file_name="./" + c["images"][0]["file_name"]),
        "file that no other image has",
    ),
    "zero area": (_first(bbox=[5, 5, 0, 4]), r"annotation 1: the box \(5, 5, 5, 9\) has no area"),
    "inverted": (_first(bbox=[5, 5, -3, 4]), "has no area"),
    "outside": (_first(bbox=[500, 5, 3, 4]), "lies outside"),
    "beyond": (_first(bbox=[60, 5, 30, 4]), "reaches beyond"),
    "not finite": (_first(bbox=[float("nan"), 5, 3, 4]), "not finite"),
    "no box": (_first(bbox=[1, 2, 3]), "expected .left, top, width, height."),
    "no image": (_first(image_id=99), "no image 99"),
    "no category": (_first(category_id=99), "no category 99"),
    "an id that is a list": (_first(id=[1]), r"annotation \[1\]: its id, image_id or category_id is a list"),
    "an image that is a list": (_first(image_id=[7]), "is a list or an object"),
    "id twice": (_first(id=2), "another annotation has the same id"),
    "run lengths of another size": (
        _first(segmentation={"size": [64, 48], "counts": [0, 3072]}),
        r"annotation 1: its run lengths are for a size of \[64, 48\], expected the image's \[48, 64\]",
    ),
    "short run lengths": (_first(segmentation={"size": [48, 64], "counts": [5]}), "cover 5 pixels"),
    "a line for a polygon": (_first(segmentation=[[1, 1, 2, 2]]), "three or more"),
    "image twice": (lambda c: c["images"].append(c["images"][0]), "image 7: another image has the same id"),
    "missing file": (lambda c: c["images"][1].update(file_name="none.png"), "image 8: .*none.png does not exist"),
    "outside the folder": (lambda c: c["images"][1].update(file_name="../../x.png"), "lies outside of"),
    "no size": (lambda c: c["images"][1].update(width=0), "height and width"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named_and_fatal_or_skipped(
    case: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil, said = WRONG[case]
    content = write_coco_set(tmp_path, squares(5, seed=3))
    spoil(content)
    file = _write(tmp_path, content)
    with pytest.raises(DataError, match=said) as caught:
        open_boxes(tmp_path)
    assert str(file) in str(caught.value)
    with caplog.at_level(logging.WARNING):
        found = open_boxes(tmp_path, on_error="skip")
    assert str(file) in caplog.text
    kept = sum(len(one.labels) for one in found.labels)
    whole = sum(len(one.labels) for one in squares(5, seed=3).labels)
    assert kept == whole if case in ("beyond", "image twice") else kept < whole


@pytest.mark.parametrize(("count", "told"), [(20, False), (25, True)])
def test_bad_annotations_beyond_those_named_are_counted(
    count: int, told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = write_coco_set(tmp_path, squares(5, seed=3))
    content["annotations"] += [{"id": f"bad {place}", "image_id": "nowhere"} for place in range(count)]
    file = _write(tmp_path, content)
    open_boxes(tmp_path, on_error="skip")
    assert (f"{file}: {count} bad annotations in all, the first 20 of them named" in caplog.text) is told


def test_links_in_the_folder_are_followed(tmp_path: Path) -> None:
    whole = squares(5, seed=3)
    content = write_coco_set(tmp_path / "set", whole)
    folder = next(path for path in (tmp_path / "set").rglob("*.png")).parent
    wanted = [np.asarray(open_boxes(tmp_path / "set").open(place)) for place in range(5)]
    folder.rename(tmp_path / "store")
    folder.mkdir()
    for one in content["images"]:
        name = Path(one["file_name"]).name
        (folder / name).symlink_to(tmp_path / "store" / name)
    opened = open_boxes(tmp_path / "set")
    assert all(np.array_equal(opened.open(place), wanted[place]) for place in range(5))


def test_a_rounding_of_less_than_a_pixel_is_cut_off_silently(tmp_path: Path) -> None:
    content = write_coco_set(tmp_path, squares(5, seed=3))
    content["annotations"][0]["bbox"] = [-0.5, 10, 20, 38.9]
    _write(tmp_path, content)
    place = content["annotations"][0]["image_id"] - 7
    assert open_boxes(tmp_path).labels[place].boxes[0].tolist() == [0, 10, 19.5, 48]


def test_categories_that_contradict_each_other_are_fatal(tmp_path: Path) -> None:
    content = write_coco_set(tmp_path, squares(3))
    content["categories"][1]["id"] = content["categories"][0]["id"]
    _write(tmp_path, content)
    with pytest.raises(DataError, match="two categories have the id or name 3"):
        open_boxes(tmp_path, on_error="skip")


def test_a_category_that_a_split_lacks_is_fatal_or_skipped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = write_coco_set(tmp_path, squares(12, seed=3))
    content["categories"].insert(0, {"id": 1, "name": "blue"})
    _write(tmp_path, content)
    with pytest.raises(DataError, match=r"has no object of 'blue'; .* skip such ones .*\(--on-error skip\)"):
        check_box_set(open_boxes(tmp_path))
    with caplog.at_level(logging.WARNING):
        found = open_boxes(tmp_path, on_error="skip")
    assert "the categories 'blue' with 0 objects" in caplog.text
    check_box_set(found)
    assert found.classes == NAMES
    for one, other in zip(found.labels, squares(12, seed=3).labels, strict=True):
        assert one.labels.tolist() == other.labels.tolist()


def test_objects_of_categories_that_are_not_wanted_are_left_out() -> None:
    whole = squares(6)
    some = only_categories(whole, ["green", "blue"])
    assert some.classes == ("green",)
    assert only_categories(whole, [*NAMES, "blue"]) is whole
    for one, other in zip(some.labels, whole.labels, strict=True):
        green = other.labels == NAMES.index("green")
        assert one.labels.tolist() == [0] * int(green.sum())
        assert np.array_equal(one.decoded(), other.decoded()[green])
    assert np.array_equal(np.asarray(some.open(3)), np.asarray(whole.open(3)))


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match="not valid JSON"):
        open_boxes(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[]")
    with pytest.raises(DataError, match="not in COCO's format"):
        open_boxes(tmp_path / "a.json")
    with pytest.raises(DataError, match="does not exist"):
        open_boxes(tmp_path / "b.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no COCO json"):
        open_boxes(tmp_path / "empty")
    with pytest.raises(ConfigError, match="on_error"):
        open_boxes(tmp_path, on_error="ignore")  # type: ignore[arg-type]


def test_an_image_of_another_size_than_stated_is_refused(tmp_path: Path) -> None:
    write_coco_set(tmp_path, squares(3))
    Image.new("RGB", (10, 10)).save(tmp_path / "train" / "001.png")
    found = open_boxes(tmp_path, on_error="skip")
    with pytest.raises(DataError, match="10x10 pixels, but its annotations were made for 64x48"):
        found.open(1)
    assert len(found.readable()) == 2


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    images = squares(4)
    rows = [(f"n{i}", one, encode_png(np.asarray(images.open(i)))) for i, one in enumerate(images.labels)]
    write_coco(tmp_path / "out", rows, NAMES)
    found = open_boxes(tmp_path / "out" / "annotations.json")
    for one, other in zip(found.labels, images.labels, strict=True):
        assert one.to_json() | {"id": ""} == other.to_json() | {"id": ""}
        assert Annotation.from_json(one.to_json()).to_json() == one.to_json()


def test_a_name_longer_than_a_file_may_have_is_of_no_file(tmp_path: Path) -> None:
    category = {"id": 1, "name": "cat"}
    image = {"id": 1, "file_name": "a" * 300 + ".png", "height": 4, "width": 4}
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"images": [image], "annotations": [], "categories": [category]}))
    with pytest.raises(DataError, match=r"image 1: .*a\.png does not exist"):
        open_boxes(file)


def test_json_that_is_nested_too_deeply_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match=r"deep\.json is not valid JSON"):
        open_boxes(tmp_path / "deep.json")


def _write(folder: Path, content: dict[str, Any]) -> Path:
    file = folder / "annotations" / "instances_train.json"
    file.write_text(json.dumps(content))
    return file
