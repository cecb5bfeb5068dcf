"""Drawn objects: where they are, with names or, of many, with their number."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from spellock.data.annotation import Annotation
from spellock.tasks.detections import Detections
from spellock.tasks.draw_detections import at_sheet_size, draw_objects, side_by_side

GREY = np.full((120, 160, 3), 128, np.uint8)
CLASSES = ("red cell", "white cell")
ORANGE, BLUE = (230, 159, 0), (86, 180, 233)


def found(*boxes: list[float], scores: list[float] | None = None, labels: list[int] | None = None) -> Detections:
    count = len(boxes)
    return Detections(
        size=(120, 160), boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(labels or [0] * count, dtype=np.int64),
        scores=np.array(scores or [0.9] * count, dtype=np.float32),
    )  # fmt: skip


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return (picture == np.array(colour, np.uint8)).all(axis=2)


def test_a_box_has_its_outline_and_a_patch_with_its_name() -> None:
    picture = draw_objects(GREY, found([40, 60, 80, 100], labels=[1]), CLASSES)
    assert picture.shape == GREY.shape
    blue = has(picture, BLUE)
    assert blue[60, 40:80].all()
    assert blue[99, 40:80].all()
    assert blue[60:100, 40].all()
    assert blue[60:100, 79].all()
    assert not blue[62:98, 42:78].any()
    assert blue[48:60, 40:60].any(), "the name stands on a patch above"
    assert not blue[:46].any()


@pytest.mark.parametrize("corner", [[0, 0], [150, 0], [150, 112]])
def test_names_stay_in_the_picture(corner: list[int]) -> None:
    left, top = corner
    picture = draw_objects(GREY, found([left, top, left + 8, top + 7]), CLASSES)
    assert has(picture, ORANGE).sum() > 200, "the patch is not cut off"


def test_what_is_below_the_score_is_not_drawn() -> None:
    both = found([10, 30, 50, 70], [90, 30, 130, 70], scores=[0.9, 0.4])
    assert not has(draw_objects(GREY, both, CLASSES), ORANGE)[:, 90:].any()
    assert has(draw_objects(GREY, both, CLASSES, least=0.3), ORANGE)[:, 90:].any()
    assert np.array_equal(draw_objects(GREY, both, CLASSES, least=0.95), GREY)


def test_many_objects_are_counted_instead_of_named() -> None:
    places = [[10.0 * column, 60.0, 10.0 * column + 6, 66.0] for column in range(12)]
    picture = draw_objects(GREY, found(*places, labels=[0, 1] * 6), CLASSES)
    named, counted = has(picture[40:59], ORANGE), has(picture[:30], ORANGE) | has(picture[:30], BLUE)
    assert not named.any()
    assert counted.any()
    few = draw_objects(GREY, found(*places[:10], labels=[0, 1] * 5), CLASSES)
    assert has(few[40:59], ORANGE).any()


def test_the_truth_is_drawn_with_its_masks_at_any_size() -> None:
    truth = Annotation(
        id="one", size=(60, 80), boxes=np.array([[20, 30, 40, 50]], dtype=np.float32), labels=np.zeros(1, np.int64)
    )
    assert has(draw_objects(GREY, truth, CLASSES), ORANGE)[60, 40:80].all()


def test_a_sheet_is_as_high_as_its_pictures() -> None:
    rows = [[at_sheet_size(GREY)] * 3, [at_sheet_size(np.zeros((400, 200, 3), np.uint8))] * 3]
    sheet = Image.open(io.BytesIO(side_by_side(("a", "b", "c"), rows)))
    assert rows[0][0].shape == (240, 320, 3)
    assert rows[1][0].shape == (320, 160, 3)
    assert sheet.size == (3 * 328 + 8, 24 + 248 + 328)
    assert side_by_side(("a", "b", "c"), rows) == side_by_side(("a", "b", "c"), rows)
