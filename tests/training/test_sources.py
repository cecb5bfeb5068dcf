"""Arrays and data sets give the same batches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from spellock.errors import DataError
from spellock.training.sources import open_source

PLAN = [np.array([3, 0, 2]), np.array([1, 4])]
ARRAY = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), dtype=np.uint8)


class Pictures(Dataset[object]):
    def __init__(self, form: str) -> None:
        self.form = form

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> object:
        image = ARRAY[index]
        planes = torch.from_numpy(image).permute(2, 0, 1)
        return {
            "array": image,
            "tensor": planes,
            "pil": Image.fromarray(image),
            "tuple": (planes, 1),
            "float": planes / 255,
            "ragged": planes[:, : 4 + index],
        }[self.form]


def read(images: object, workers: int = 0) -> list[np.ndarray]:
    batches = open_source(images, workers=workers).batches(PLAN, torch.Generator().manual_seed(0))
    return [batch.permute(0, 2, 3, 1).numpy() for batch in batches]


def sources(tmp_path: Path) -> list[object]:
    np.save(tmp_path / "a.npy", ARRAY)
    planes = torch.from_numpy(ARRAY).permute(0, 3, 1, 2)
    return [
        ARRAY,
        torch.from_numpy(ARRAY),
        planes,
        planes.contiguous().numpy(),
        np.load(tmp_path / "a.npy", mmap_mode="r"),
        *(Pictures(form) for form in ("array", "tensor", "pil", "tuple")),
    ]


def test_all_forms_give_the_same_batches(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    for images in sources(tmp_path):
        for got, indices in zip(read(images), PLAN, strict=True):
            assert np.array_equal(got, ARRAY[indices])
    assert torch.equal(before, torch.get_rng_state())


def test_a_changed_picture_changes_the_identity_and_nothing_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in (2**26, ARRAY.size // 2, 1):  # all rows, every second one, one an image
        monkeypatch.setattr("spellock.training.sources._DIGESTED", limit)
        told = [open_source(images, workers=0).identity() for images in sources(tmp_path)[:5]]
        assert told[0] is not None
        assert told[0] == told[1] == told[4]  # (N, H, W, 3), wherever it lies
        assert told[2] == told[3]
        for place in range(len(ARRAY)):
            other = ARRAY.copy()
            other[place] = other[place, ::-1, ::-1] + 1
            assert open_source(other, workers=0).identity() != told[0]


def test_a_data_set_says_itself_what_its_images_are() -> None:
    class Named(Pictures):
        def identity(self) -> str:
            return "version 7"

    assert open_source(Pictures("array"), workers=0).identity() is None
    assert open_source(Named("array"), workers=0).identity() == "version 7"


def test_worker_processes_keep_the_order() -> None:
    assert all(np.array_equal(got, ARRAY[i]) for got, i in zip(read(Pictures("array"), workers=2), PLAN, strict=True))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (ARRAY / 255, "float64"),
        (ARRAY[0], "shape"),
        (ARRAY[..., :1], "shape"),
        (torch.zeros(2, 3, 4, 4), "float32"),
        ("folder/of/images", "uint8"),
        (Pictures("float"), "float32"),
        (Pictures("ragged"), "one size"),
        (7, "int"),
    ],
)
def test_other_images_are_named(images: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(images)
