"""Sequences of images and targets as in torchvision's reference code; and what is done with any set of boxes."""

from __future__ import annotations

import gc
import logging
import weakref

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


class _Broken(list[object]):
    """Its second item is gone."""

    def __getitem__(self, index: object) -> object:
        if index == 1:
            raise FileNotFoundError("gone.png")
        return super().__getitem__(index)  # type: ignore[index]


def test_items_that_cannot_be_read_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DataError, match=r"_Broken#1 cannot be read \(gone\.png\)"):
        open_boxes(_Broken(_pairs()))
    with caplog.at_level(logging.WARNING):
        assert open_boxes(_Broken(_pairs()), on_error="skip").ids == ["_Broken#0", "_Broken#2"]
    assert "_Broken#1" in caplog.text


@pytest.mark.parametrize("masks", [torch.zeros(0), [], np.zeros((0, 1, 48, 64))], ids=["tensor", "list", "four"])
def test_an_image_without_objects_has_masks_of_any_shape(masks: object) -> None:
    pairs = _pairs()
    pairs[1][1].update(boxes=[], labels=[], masks=masks, iscrowd=None)
    assert [one.masks is None for one in open_boxes(pairs).labels] == [False] * 3


@pytest.mark.parametrize(
    "labels",
    [["cat"], [1.5], [float("nan")], [None], [True], [2.0**70]],
    ids=["word", "half", "nan", "none", "bool", "huge"],
)
def test_labels_that_are_no_numbers_are_named(labels: list[object]) -> None:
    pairs = _pairs(1)
    pairs[0][1].update(boxes=[[1, 1, 5, 5]], labels=labels, masks=np.ones((1, 48, 64)))
    with pytest.raises(DataError, match="list#0: its labels"):
        open_boxes(pairs)


def test_a_number_that_is_none_of_a_category_does_not_make_categories() -> None:
    pairs = _pairs(1)
    pairs[0][1].update(boxes=[[1, 1, 5, 5]], labels=[10**12], masks=np.ones((1, 48, 64)))
    with pytest.raises(DataError, match="the highest label is 1000000000000"):
        open_boxes(pairs)


def test_boxes_may_need_a_gradient() -> None:
    pairs = _pairs(1)
    boxes = pairs[0][1]["boxes"].clone()  # type: ignore[attr-defined]
    pairs[0][1]["boxes"] = boxes.requires_grad_()
    assert np.array_equal(open_boxes(pairs).labels[0].boxes, boxes.detach().numpy())


def test_pictures_are_let_go_once_their_size_is_known() -> None:
    seen: list[weakref.ref[Image.Image]] = []
    most = 0

    class Counted(list[object]):
        def __getitem__(self, index: object) -> object:
            nonlocal most
            image, target = super().__getitem__(index)  # type: ignore[index,misc]
            copied = image.copy()
            seen.append(weakref.ref(copied))
            gc.collect()
            most = max(most, sum(one() is not None for one in seen))
            return copied, target

    open_boxes(Counted(_pairs(8)))
    assert len(seen) == 8
    assert most <= 2


def test_masks_are_let_go_once_they_are_run_lengths() -> None:
    seen: list[weakref.ref[torch.Tensor]] = []
    most = 0

    class Counted(list[object]):
        def __getitem__(self, index: object) -> object:
            nonlocal most
            image, target = super().__getitem__(index)  # type: ignore[index,misc]
            masks = torch.as_tensor(np.asarray(target["masks"])).clone()
            seen.append(weakref.ref(masks))
            gc.collect()
            most = max(most, sum(one() is not None for one in seen))
            return image, target | {"masks": masks}

    pairs = _pairs(8)
    opened = open_boxes(Counted(pairs))
    assert most <= 2
    wanted = [one.decoded() for one in open_boxes(pairs).labels]
    assert all(np.array_equal(one.decoded(), mask) for one, mask in zip(opened.labels, wanted, strict=True))
