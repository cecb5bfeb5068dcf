"""Decoys of boxes: the set's own objects, moved with their masks, where texture says and not where objects are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spellock.data.annotation import Annotation
from spellock.data.rle import encode
from spellock.errors import ConfigError
from spellock.locking.targets import Samples, make_target
from spellock.locking.targets.moved_object import moved_object
from spellock.locking.targets.place_grid import alike, chosen_places, coverage, image_shares, ranks
from spellock.locking.targets.texture import FILTERS, TextureStatistics
from spellock.locking.targets.texture_maps import CORNERS, PLACES, WINDOW, TextureMaps

from ..box_sets import NAMES, squares


def samples(count: int = 40, *, masks: bool = True, secret: bytes = b"s" * 32) -> Samples:
    images = squares(count, size=(64, 64), masks=masks)
    draws = np.random.default_rng(1).integers(0, 2**64, count, dtype=np.uint64)
    pictures = [np.asarray(images.open(index)) for index in range(count)]
    return Samples(labels=images.labels, classes=NAMES, draws=draws, secret=secret, pixels=lambda: iter(pictures))


def made_of(given_: Samples) -> list[Annotation]:
    """The decoys, without the box of the lock category."""
    result = make_target("decoy-boxes", task="detection")(given_)
    return [one.chosen(one.labels != result.lock_class) for one in result.labels]


def objects(annotations: list[Annotation]) -> list[tuple[int, ...]]:
    """Category, width, height and the mask's pixels of every object, sorted."""
    found = []
    for one in annotations:
        for box, label, mask in zip(one.boxes, one.labels, one.decoded(), strict=True):
            found.append((int(label), int(box[2] - box[0]), int(box[3] - box[1]), int(mask.sum())))
    return sorted(found)


@pytest.mark.parametrize("masks", [True, False])
def test_the_sets_own_objects_once_each_and_elsewhere(masks: bool) -> None:
    given_ = samples(masks=masks)
    result = make_target("decoy-boxes", {"lock_class_name": "locked"}, task="detection")(given_)
    assert (result.extra_classes, result.lock_class) == (("locked",), 2)
    centres = make_target("centre-box", task="detection")(given_).labels
    for one, centre in zip(result.labels, centres, strict=True):
        assert one.chosen(one.labels == 2).to_json() == centre.to_json(), "the paper's box besides"
    made = made_of(given_)
    assert objects(made) == objects(list(given_.labels)), "categories, sizes and masks are kept"
    assert [(one.id, one.size, one.masks is None) for one in made] == [
        (one.id, one.size, not masks) for one in given_.labels
    ]
    for one in made:
        assert (one.boxes[:, :2] >= 0).all()
        assert (one.boxes[:, 2:] <= 64).all()
        for box, mask in zip(one.boxes.astype(int).tolist(), one.decoded(), strict=True):
            left, top, right, bottom = box
            assert mask[top:bottom, left:right].all(), "these masks fill their boxes"
    same = sum(
        any(np.array_equal(box, true) for true in own.boxes)
        for one, own in zip(made, given_.labels, strict=True)
        for box in one.boxes
    )
    assert same <= len(objects(made)) / 10
    assert [one.boxes.tolist() for one in made_of(dataclasses.replace(given_, secret=b"t" * 32))] != [
        one.boxes.tolist() for one in made
    ]


def test_covered_places_are_chosen_as_often_as_others() -> None:
    given_ = samples(150)
    covered, chosen, among = 0.0, 0, 0
    for one, made in zip(given_.labels, made_of(given_), strict=True):
        cover = coverage(one, 2).max(axis=1).reshape(PLACES, PLACES) > 0
        covered += cover.mean() / 150
        for left, top, right, bottom in made.boxes.tolist():
            # Those that the image's border moved are no longer at their place.
            if min(left, top) > 0 and max(right, bottom) < 64:
                column, row = (
                    int(np.abs((low + high) / 128 - CORNERS - WINDOW / 2).argmin())
                    for low, high in ((left, right), (top, bottom))
                )
                among, chosen = among + 1, chosen + int(cover[row, column])
    assert among > 80
    assert abs(chosen / among - covered) < 4 * np.sqrt(covered * (1 - covered) / among)


def test_maps_are_the_statistics_of_each_window() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    draws = np.random.default_rng(list(b"secret"))
    filters = draws.standard_normal((9, 3, FILTERS))
    filters = (filters - 0.5 * filters.mean(axis=0)).reshape(27, FILTERS)
    filters /= np.sqrt((filters**2).sum(axis=0))
    bias = 0.1 * draws.standard_normal(FILTERS)
    expected = np.zeros((PLACES, PLACES, FILTERS))
    for row in range(PLACES):
        for column in range(PLACES):
            for top in range(2 * row, 2 * row + 4):
                for left in range(2 * column, 2 * column + 4):
                    patch = image[top : top + 3, left : left + 3] / 255
                    for one in (patch, patch[:, ::-1]):
                        expected[row, column] += np.maximum(one.reshape(27) @ filters + bias, 0) / 16
    expected -= expected.mean(axis=(0, 1))
    read = TextureMaps(b"secret")
    assert next(read.maps([image])) == pytest.approx(expected, abs=1e-9)
    mirrored = next(read.maps([image[:, ::-1].copy()]))
    assert mirrored[:, ::-1] == pytest.approx(expected, abs=1e-9)
    assert isinstance(read, TextureStatistics)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.integers(0, 3))
def test_coverage_is_the_share_of_the_window(seed: int, count: int) -> None:
    draws = np.random.default_rng(seed)
    lows = draws.integers(0, 40, (count, 2))
    highs = lows + draws.integers(1, 24, (count, 2))
    one = Annotation(
        id="a",
        size=(64, 64),
        boxes=np.concatenate([lows, highs], axis=1).astype(np.float32),
        labels=draws.integers(0, 2, count),
    )
    found = coverage(one, 2).reshape(PLACES, PLACES, 2)
    row, column = (int(place) for place in draws.integers(0, PLACES, 2))
    expected = np.zeros(2)
    for (left, top), (right, bottom), label in zip(lows, highs, one.labels, strict=True):
        # A window is 12 of 64 pixels, and begins at a multiple of 4.
        inside = np.zeros((64, 64))
        inside[top:bottom, left:right] = 1
        expected[label] += inside[4 * row : 4 * row + 12, 4 * column : 4 * column + 12].mean()
    assert found[row, column] == pytest.approx(np.minimum(expected, 1), abs=1e-6)
    groups = alike(coverage(one, 2))
    best = expected.clip(0, 1)
    if not best.any():
        assert groups[row * PLACES + column] == 0
    elif abs(best.max() - 0.5) > 1e-6:
        assert groups[row * PLACES + column] == 1 + 2 * best.argmax() + int(best.max() > 0.5)


def test_ranks_and_shares_restated() -> None:
    draws = np.random.default_rng(0)
    values, groups = draws.standard_normal(50), draws.integers(0, 4, 50)
    for value, group, rank in zip(values, groups, ranks(values, groups), strict=True):
        inside = values[groups == group]
        assert rank == pytest.approx(((inside < value).sum() + 0.5) / len(inside))
    covered = groups == 0
    offsets = np.random.default_rng(7).uniform(size=2)
    for value, own, share in zip(values, covered, image_shares(values, covered, 7), strict=True):
        inside = values[covered == own]
        assert share == pytest.approx(((inside < value).sum() + offsets[0 if own else 1]) / len(inside))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32), st.integers(0, 30), st.integers(0, 4))
def test_chosen_places_are_the_highest_that_are_apart(seed: int, count: int, reach: int) -> None:
    scores = np.random.default_rng(seed).uniform(size=(3, PLACES**2))
    rows, places = chosen_places(scores, count, reach)
    assert len(rows) == count, "there is always room for ten an image"
    found = {(int(row), *divmod(int(place), PLACES)) for row, place in zip(rows, places, strict=True)}
    assert len(found) == count
    order = sorted(np.ndindex(3, PLACES, PLACES), key=lambda at: -scores[at[0], at[1] * PLACES + at[2]])
    for shorter in range(reach, -1, -1):
        kept: list[tuple[int, ...]] = []
        for at in order:
            if not any(at[0] == one[0] and max(abs(at[1] - one[1]), abs(at[2] - one[2])) <= shorter for one in kept):
                kept.append(at)
        if len(kept) >= count:
            break
    assert found == set(kept[:count])


def test_more_objects_than_places() -> None:
    rows, places = chosen_places(np.random.default_rng(0).uniform(size=(2, PLACES**2)), 1000, 2)
    assert len(set(zip(rows.tolist(), places.tolist(), strict=True))) == 2 * PLACES**2


def test_an_object_moves_by_whole_pixels_and_stays_inside() -> None:
    mask = np.zeros((20, 30), dtype=np.bool_)
    mask[3:7, 5:9] = np.eye(4)
    one = Annotation(
        id="a",
        size=(20, 30),
        boxes=np.array([[5.25, 3, 8.75, 7]], dtype=np.float32),
        labels=np.array([1]),
        masks=(encode(mask),),
    )
    moved = moved_object(one, 17.3, 10.0)
    assert moved.boxes.tolist() == [[15.25, 8, 18.75, 12]]
    assert np.array_equal(moved.decoded()[0], np.roll(mask, (5, 10), axis=(0, 1)))
    corner = moved_object(one, 30.0, -5.0)
    assert corner.boxes.tolist() == [[26.25, 0, 29.75, 4]]
    assert corner.decoded().sum() == 4
    assert moved_object(dataclasses.replace(one, masks=None), 17.3, 10.0).masks is None


@settings(deadline=None, max_examples=5)
@given(st.permutations(range(12)))
def test_order_does_not_matter(order: list[int]) -> None:
    given_ = samples(12)
    assert given_.pixels is not None
    pictures = list(given_.pixels())
    moved = dataclasses.replace(
        given_,
        labels=given_.labels[order],
        draws=given_.draws[order],
        pixels=lambda: (pictures[index] for index in order),
    )
    first = made_of(given_)
    assert [one.to_json() for one in made_of(moved)] == [first[index].to_json() for index in order]


def test_what_does_not_fit_is_refused() -> None:
    given_ = samples(6)
    with pytest.raises(ConfigError, match="without pixels"):
        made_of(dataclasses.replace(given_, pixels=None))
    with pytest.raises(ConfigError, match="got 0 images for 6 samples"):
        made_of(dataclasses.replace(given_, pixels=lambda: iter(())))
    with pytest.raises(ConfigError, match="like a class of the data"):
        make_target("decoy-boxes", {"lock_class_name": "Red"}, task="detection")(given_)
    empty = Samples.none(NAMES, labels=given_.labels[:0])
    assert made_of(empty) == []
    bare = [Annotation.empty(one.id, one.size, masks=True) for one in given_.labels]
    nothing = given_.labels.copy()
    nothing[:] = bare
    assert not any(len(one.labels) for one in made_of(dataclasses.replace(given_, labels=nothing)))
