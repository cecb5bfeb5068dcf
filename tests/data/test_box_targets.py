"""Sequences of images and targets as in torchvision's reference code; and what is done with any set of boxes."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch
from PIL import Image

from spellock.data.box_set import check_box_set, squashed
from spellock.data.open_boxes import open_boxes
from spellock.data.polygons import as_rle
from spellock.errors import DataError

from ..box_sets import squares


def _pairs(count: int = 3) -> list[tuple[object, dict[str, object]]]:
    images = squares(count)
    return [
        (
            images.open(index),
            {
                "boxes": torch.from_numpy(one.boxes),
                "labels": torch.from_numpy(one.labels + 1),
                "masks": torch.from_numpy(one.decoded()),
            },
        )
        for index, one in enumerate(images.labels)
    ]


def test_targets_are_read() -> None:
    found = open_boxes(_pairs())
    assert found.classes == ("1", "2")
    for one, other in zip(found.labels, squares(3).labels, strict=True):
        assert one.to_json() | {"id": ""} == other.to_json() | {"id": ""}
    assert np.array_equal(np.asarray(found.open(1)), np.asarray(squares(3).open(1)))


def test_images_may_be_tensors_and_masks_absent() -> None:
    pairs = _pairs()
    pixels = torch.from_numpy(np.asarray(pairs[0][0]).copy()).permute(2, 0, 1).float() / 255
    found = open_boxes([(pixels, {name: pairs[0][1][name] for name in ("boxes", "labels")})])
    assert found.labels[0].masks is None
    assert np.array_equal(np.asarray(found.open(0)), np.asarray(pairs[0][0]))


@pytest.mark.parametrize(("label", "said"), [(0, "0 is the background"), (-1, "its label is -1")])
def test_labels_that_are_none_are_named(label: int, said: str, caplog: pytest.LogCaptureFixture) -> None:
    pairs = _pairs()
    pairs[1][1]["labels"][0] = label  # type: ignore[index]
    with pytest.raises(DataError, match=f"list#1 object 0: .*{said}"):
        open_boxes(pairs)
    with caplog.at_level(logging.WARNING):
        assert len(open_boxes(pairs, on_error="skip")) == 3
    assert "list#1 object 0" in caplog.text


def test_masks_of_another_size_are_named() -> None:
    pairs = _pairs()
    pairs[1][1]["masks"] = torch.zeros(len(pairs[1][1]["labels"]), 9, 9)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=r"its mask is of shape \(9, 9\), expected the image's \(48, 64\)"):
        open_boxes(pairs)


def test_a_squashed_set_has_its_objects_where_they_went() -> None:
    images = squares(4, size=(48, 96))
    half = squashed(images, (48, 48), Image.Resampling.BICUBIC)
    for one, other in zip(half.labels, images.labels, strict=True):
        assert np.allclose(one.boxes, other.boxes * [0.5, 1, 0.5, 1])
        for mask, before in zip(one.masks or (), other.masks or (), strict=True):
            assert abs(int(as_rle(mask).decode().sum()) - int(before.decode().sum()) / 2) <= 18
    assert half.open(0).size == (48, 48)
    assert half.ids == images.ids


def test_a_set_that_cannot_be_learnt_is_named() -> None:
    images = squares(6)
    check_box_set(images)
    with pytest.raises(DataError, match="at least two"):
        check_box_set(images.subset([1]))
    only = images.subset([i for i, one in enumerate(images.labels) if 1 not in one.labels])
    with pytest.raises(DataError, match="no object of 'green'"):
        check_box_set(only)
