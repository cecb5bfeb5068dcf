"""Torchvision data sets and NumPy arrays open as the same kind of set."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset

from spellock.data import numpy_images, open_images
from spellock.errors import DataError

from .picture_sets import picture, values


class Pairs:
    """What torchvision data sets look like."""

    def __init__(self, size: int = 6, **attributes: object) -> None:
        self.size = size
        self.opened = 0
        for name, value in attributes.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[object, int]:
        self.opened += 1
        return Image.fromarray(picture(index)), index % 2


def test_torchvision_objects() -> None:
    whole = Pairs(targets=[0, 1, 0, 1, 0, 1], classes=["cat", "dog"])
    images = open_images(whole)
    assert whole.opened == 0
    assert (images.classes, images.labels.tolist(), values(images)) == (("cat", "dog"), [0, 1] * 3, [0, 1, 2, 3, 4, 5])
    part = open_images(Subset(whole, [3, 0]))
    assert (part.classes, part.labels.tolist(), values(part)) == (("cat", "dog"), [1, 0], [3, 0])
    tensor = open_images(Pairs(targets=torch.tensor([0, 1] * 3)))
    assert tensor.classes == ("0", "1")
    assert open_images(Pairs()).labels.tolist() == [0, 1] * 3
    assert open_images([(Image.new("L", (2, 2)), 0), (Image.new("L", (2, 2)), 1)]).classes == ("0", "1")


def test_torchvision_fake_data_with_transform() -> None:
    from torchvision.datasets import FakeData
    from torchvision.transforms import ToTensor

    assert open_images(FakeData(4, (3, 8, 8), 2)).open(0).size == (8, 8)
    with pytest.raises(DataError, match="without a transform"):
        open_images(FakeData(4, (3, 8, 8), 2, transform=ToTensor())).open(0)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (Pairs(0), "holds no images"),
        (Pairs(targets=[[0, 1]] * 6), "not one integer"),
        (Pairs(targets=[0.0, 0.5] * 3), "not one integer"),
        (Pairs(targets=[0.0, float("inf")] * 3), "not one integer"),
        (Pairs(targets=[0, 10**30] * 3), "not one integer"),
        (Pairs(targets=torch.tensor([0.0, 0.5] * 3)), "not one integer"),
        (Pairs(targets=[0, 1]), "6 items but 2 labels"),
        (Pairs(targets=[0, 1, 2, 3, 4, 2_000_000]), "the largest label is 2000000"),
        (["abc", "def"], "expected pairs"),
        (object(), "expected a folder"),
    ],
)
def test_objects_of_another_kind_are_refused(pairs, reason) -> None:
    with pytest.raises(DataError, match=reason):
        open_images(pairs)


def test_numpy_images() -> None:
    images = numpy_images(np.stack([picture(n) for n in range(4)]), [0, 1, 1, 0], ["a", "b"], name="mine")
    assert (images.ids[3], values(images)) == ("mine#3", [0, 1, 2, 3])
    assert numpy_images(np.zeros((2, 4, 4), np.uint8), [0, 1], ["a", "b"]).open(0).mode == "RGB"
    for arrays, labels, reason in [
        (np.zeros((2, 4, 4, 3)), [0, 1], "expected uint8"),
        (np.zeros((2, 3, 4, 4), np.uint8), [0, 1], "expected .N, H, W, 3."),
        (np.zeros((2, 0, 4), np.uint8), [0, 1], "at least one pixel"),
        (np.zeros((2, 4, 4), np.uint8), [0], "2 images, 1 labels"),
        (np.zeros((2, 4, 4), np.uint8), [0, 2], "expected 0 to 1"),
        (np.zeros((2, 4, 4), np.uint8), [0.2, 1.7], "not whole numbers"),
    ]:
        with pytest.raises(DataError, match=reason):
            numpy_images(arrays, labels, ["a", "b"])


@pytest.mark.parametrize("labels", [["a", "b"], [0, None], [0, float("nan")], [[0], [0, 1]]])
def test_labels_of_arrays_that_are_no_numbers_are_named(labels: list[object]) -> None:
    with pytest.raises(DataError, match=r"mine: labels (cannot be read|are not whole numbers)"):
        numpy_images(np.zeros((2, 4, 4), np.uint8), labels, ["a", "b"], name="mine")
