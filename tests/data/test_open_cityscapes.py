"""Cityscapes folders: what is seen of objects, groups, splits, and what is bad by file and object."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from spellock.data.cityscapes import INSTANCES, _placed
from spellock.data.open_boxes import open_boxes
from spellock.data.rle import encode
from spellock.errors import DataError

from ..city_scenes import SIZE, box, write_scene, write_street


def test_objects_are_boxes_and_masks_of_the_eight_categories(tmp_path: Path) -> None:
    write_street(tmp_path, 3)
    write_street(tmp_path, 1, split="val")
    images = open_boxes(tmp_path)
    assert images.classes == INSTANCES
    assert len(images.classes) == 8
    assert images.ids == [
        "aachen/aachen_000000_000019_leftImg8bit.png",
        "aachen/aachen_000002_000019_leftImg8bit.png",
        "bochum/bochum_000001_000019_leftImg8bit.png",
    ]
    first = images.labels[0]
    assert first.labels.tolist() == list(range(8))
    assert first.boxes[1].tolist() == [19, 10, 30, 41]  # both pixels named belong to the object
    assert [int(mask.sum()) for mask in first.decoded()] == [11 * 31] * 8
    assert images.open(0).size == SIZE[::-1]
    assert len(open_boxes(tmp_path, split="val")) == 1
    with pytest.raises(DataError, match="no split 'test'"):
        open_boxes(tmp_path, split="test")


def test_what_lies_in_front_hides_what_is_behind(tmp_path: Path) -> None:
    objects = [
        box("car", 10, 10, 50, 30),
        box("person", 60, 5, 70, 15),
        box("pole", 40, 0, 127, 63),
        box("bus", 90, 40, 100, 50),
        box("license plate", 90, 40, 100, 50),
        box("rider", 10, 10, 12, 12, deleted=1),
    ]
    write_scene(tmp_path, objects)
    seen = open_boxes(tmp_path).labels[0]
    assert [INSTANCES[label] for label in seen.labels] == ["car", "bus"]  # the person is hidden altogether
    assert seen.boxes.tolist() == [[10, 10, 40, 31], [90, 40, 101, 51]]
    assert seen.decoded()[0].sum() == 30 * 21


def test_masks_are_what_the_authors_tools_paint(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    labels = ["car", "person", "vegetation", "bicyclegroup", "train", "sky", "rider"] * 3
    objects = [
        {"label": label, "polygon": np.stack([draws.integers(0, side, 5) for side in SIZE[::-1]], 1).tolist()}
        for label in labels
    ]
    write_scene(tmp_path, objects)
    painted = Image.new("L", SIZE[::-1])
    for number, one in enumerate(objects, 1):
        ImageDraw.Draw(painted).polygon([tuple(point) for point in one["polygon"]], fill=number)
    expected = {}
    for number, label in enumerate(labels, 1):
        mask = np.asarray(painted) == number
        if label not in ("vegetation", "sky") and mask.any():
            expected[number] = mask
    seen = open_boxes(tmp_path).labels[0]
    assert len(expected) == len(seen.labels) > 3
    for mask, decoded, edges in zip(expected.values(), seen.decoded(), seen.boxes.astype(int), strict=True):
        assert np.array_equal(mask, decoded)
        rows, columns = np.nonzero(mask)
        assert edges.tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_groups_are_crowds_and_empty_streets_are_kept(tmp_path: Path) -> None:
    write_scene(tmp_path, [box("cargroup", 10, 10, 30, 30), box("polegroup", 0, 0, 3, 3), box("trailer", 40, 1, 50, 9)])
    write_scene(tmp_path, [], number=1)
    crowd, empty = open_boxes(tmp_path).labels
    assert (crowd.labels.tolist(), crowd.crowd.tolist()) == ([INSTANCES.index("car")], [True])
    assert (len(empty.labels), empty.masks) == (0, ())


def test_a_split_without_answers_is_refused(tmp_path: Path) -> None:
    write_street(tmp_path, 2)
    write_scene(tmp_path, [box("out of roi", 0, 0, 127, 3)], split="test")
    with pytest.raises(DataError, match="so use val"):
        open_boxes(tmp_path, split="test")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (box("car", 200, 5, 220, 15), "lies outside"),
        (box("car", 100, 5, 140, 15), "reaches beyond"),
        (box("persn", 1, 5, 10, 15), "no label 'persn'"),
        ({"label": "car", "polygon": [[1, 2], [3, 4]]}, "three or more finite points"),
        ({"label": "car", "polygon": [[1, 2], [3, 4], [float("nan"), 4]]}, "three or more finite points"),
        ({"label": "sky", "polygon": [[1, 2], [3, 4], [1e30, 4]]}, "three or more finite points"),
        ({"label": "bus"}, "three or more finite points"),
        ({"polygon": [[1, 2], [3, 4], [5, 9]]}, "no label"),
        ("car", "no label"),
    ],
)
def test_a_bad_object_is_named_with_its_file(
    one: Any, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = write_scene(tmp_path, [box("bus", 1, 1, 9, 9), one])
    with pytest.raises(DataError, match=said) as caught:
        open_boxes(tmp_path)
    assert f"{table} object 1" in str(caught.value)
    with caplog.at_level(logging.WARNING):
        images = open_boxes(tmp_path, on_error="skip")
    assert said in caplog.text
    kept = [images.classes[label] for label in images.labels[0].labels]
    assert kept == (["bus", "car"] if said == "reaches beyond" else ["bus"])


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    write_street(tmp_path, 4)
    tables = sorted((tmp_path / "gtFine").rglob("*.json"))
    pictures = sorted((tmp_path / "leftImg8bit").rglob("*.png"))
    tables[0].write_text("{")
    with pytest.raises(DataError, match=r"aachen_000000_000019_gtFine_polygons.json is not valid JSON"):
        open_boxes(tmp_path)
    tables[0].unlink()
    with pytest.raises(DataError, match=r"cannot read .*aachen_000000_000019_gtFine_polygons.json"):
        open_boxes(tmp_path)
    tables[1].unlink()
    pictures[2].unlink()
    with pytest.raises(DataError, match=r"bochum_000001_000019_leftImg8bit.png does not exist"):
        open_boxes(tmp_path)
    assert open_boxes(tmp_path, on_error="skip").ids == ["bochum/bochum_000003_000019_leftImg8bit.png"]
    content = json.loads(tables[3].read_text())
    for bad in ({"imgHeight": 0}, {"objects": None}, {"imgWidth": "128"}):
        tables[3].write_text(json.dumps(content | bad))
        with pytest.raises(DataError, match="no annotated images"):
            open_boxes(tmp_path, on_error="skip")
    tables[3].write_text(json.dumps(content | {"imgWidth": 10**9}))
    with pytest.raises(DataError, match="no annotated images"):
        open_boxes(tmp_path, on_error="skip")


def test_an_image_of_another_size_is_broken(tmp_path: Path) -> None:
    write_street(tmp_path, 1)
    Image.new("RGB", (32, 16)).save(next((tmp_path / "leftImg8bit").rglob("*.png")))
    with pytest.raises(DataError, match="32x16"):
        open_boxes(tmp_path).open(0)


@given(st.data())
def test_run_lengths_of_a_strip_are_those_of_the_whole(data: st.DataObject) -> None:
    height, width = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 9)))
    left = data.draw(st.integers(0, width - 1))
    right = data.draw(st.integers(left + 1, width))
    mask = np.zeros((height, width), dtype=np.bool_)
    bits = data.draw(st.lists(st.booleans(), min_size=height * (right - left), max_size=height * (right - left)))
    mask[:, left:right] = np.array(bits).reshape(height, right - left)
    placed = _placed(mask[:, left:right], left, width)
    assert np.array_equal(placed.decode(), mask)
    assert placed.text() == encode(mask).text()
