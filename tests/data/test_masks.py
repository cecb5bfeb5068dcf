"""Run lengths and polygons, against pycocotools and a point-in-polygon test."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.path import Path as Outline

from spellock.data.polygons import Polygons
from spellock.data.rle import Rle, encode, from_text
from spellock.errors import DataError

masks = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda size: arrays(np.bool_, size))


@given(masks)
def test_run_lengths_give_the_mask_back(mask: np.ndarray) -> None:
    rle = encode(mask)
    assert np.array_equal(rle.decode(), mask)
    assert np.array_equal(from_text(rle.text(), rle.size).runs, rle.runs)


@given(masks)
def test_text_is_that_of_cocos_own_tools(mask: np.ndarray) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    assert coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode() == encode(mask).text()


def test_scaled_masks_take_the_nearest_pixel() -> None:
    mask = np.random.default_rng(0).random((6, 4)) < 0.5
    assert np.array_equal(encode(mask).scaled((12, 8)).decode(), np.kron(mask, np.ones((2, 2), dtype=bool)))
    assert np.array_equal(encode(mask).scaled((12, 8)).scaled((6, 4)).decode(), mask)


@pytest.mark.parametrize(
    ("text", "said"), [("04", "4 pixels, expected|cover"), ("P", "break off"), ("0 4", "' '"), ("0O", "negative")]
)
def test_bad_text_is_named(text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        from_text(text, (3, 3))


def test_runs_of_another_size_are_named() -> None:
    with pytest.raises(DataError, match="cover 5 pixels, expected 2x3"):
        Rle((2, 3), np.array([1, 4]))


@given(st.lists(st.tuples(st.floats(-3, 15), st.floats(-3, 12)), min_size=3, max_size=7))
def test_polygons_hold_the_pixels_whose_centres_they_hold(points: list[tuple[float, float]]) -> None:
    # A shift that no drawn number makes up for keeps centres off the edges, where both tests may differ.
    corners = np.array(points) + np.array([0.0137, 0.0071])
    found = Polygons((9, 12), (corners,)).decode()
    rows, columns = np.mgrid[0:9, 0:12]
    centres = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], 1)
    winding = sum(_crossings(corners, centre) for centre in [centres])
    assert np.array_equal(found.ravel(), winding % 2 == 1)


def _crossings(corners: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Edges right of each point that its row crosses, edge by edge."""
    count = np.zeros(len(centres), dtype=int)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        for place, (x, y) in enumerate(centres):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                count[place] += 1
    return count


def test_a_simple_polygon_is_what_matplotlib_says() -> None:
    corners = np.array([[2.2, 1.1], [10.3, 2.4], [8.6, 7.7], [4.1, 8.2]])
    found = Polygons((9, 12), (corners,)).decode()
    rows, columns = np.mgrid[0:9, 0:12]
    inside = Outline(corners).contains_points(np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], 1))
    assert np.array_equal(found.ravel(), inside)
    assert inside.sum() > 20


def test_polygons_scale_exactly_and_are_united() -> None:
    two = Polygons((4, 6), (np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]]), np.array([[3.0, 1], [5, 1], [5, 3], [3, 3]])))
    assert two.decode().sum() == 8
    assert two.scaled((8, 12)).decode().sum() == 32


@pytest.mark.parametrize("parts", [(), (np.zeros((2, 2)),), (np.array([[0, 0], [1, np.nan], [1, 1]]),)])
def test_polygons_without_an_area_are_refused(parts: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(DataError, match="polygon"):
        Polygons((4, 4), parts)
