"""The six data sets of M-LOCK's tables: four of the developers', CIFAR-100 and SVHN where the user has them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from spellock.data.image_set import ImageSet
from spellock.data.memory import numpy_images
from spellock.errors import DataError
from support import shared_data
from support.shared_data import Arrays

#: Name to title, in the order of the tables.
TITLES: Final = {
    "mnist": "MNIST", "fashion_mnist": "Fashion-MNIST", "cifar10": "CIFAR-10", "cifar100": "CIFAR-100",
    "svhn": "SVHN", "gtsrb": "GTSRB",
}  # fmt: skip
_SHARED: Final[dict[str, Callable[[Path, str], Arrays]]] = {
    "mnist": shared_data.mnist,
    "fashion_mnist": shared_data.fashion_mnist,
    "cifar10": shared_data.cifar10,
    "gtsrb": shared_data.gtsrb,
}
_COLUMNS: Final = (("image", "img"), ("label", "fine_label"))


@dataclass(frozen=True, kw_only=True)
class Data:
    """Images to lock and train on, and others to evaluate on."""

    train: ImageSet
    test: ImageSet


def is_there(name: str, folder: Path) -> bool:
    """Whether ``folder`` has a sub-folder of the data set's name."""
    return (folder / name).is_dir()


def missing(name: str, folder: Path) -> str:
    """What to do about a data set that is not there."""
    return (
        f"{TITLES[name]} is left out: there is no folder {name} in {folder}. Put {name}.npz there (uint8 x_train, "
        "x_test, and y_train, y_test), or the Hugging Face parquet files train*.parquet and test*.parquet."
    )


def load(name: str, folder: Path, *, train_images: int | None, test_images: int | None, seed: int) -> Data:
    """Both splits, drawn down to so many images; None takes all.

    ``seed`` draws the training images. The test images are the same for every seed.

    Raises:
        DataError: files are missing or not as expected.
    """
    (x, y), (xt, yt) = (_read(name, folder, split) for split in ("train", "test"))
    if name == "cifar10" and train_images is None and (folder / name / "train_extra.parquet").is_file():
        more, labels = _read(name, folder, "train_extra")
        x, y = np.concatenate([x, more]), np.concatenate([y, labels])
    classes = [str(label) for label in range(int(max(y.max(), yt.max())) + 1)]
    train, test = (
        _draw(len(labels), count, of) for labels, count, of in ((y, train_images, seed), (yt, test_images, 0))
    )
    return Data(
        train=numpy_images(x[train], y[train], classes, name=f"{name} train"),
        test=numpy_images(xt[test], yt[test], classes, name=f"{name} test"),
    )


def _read(name: str, folder: Path, split: str) -> Arrays:
    read = _SHARED.get(name)
    return _users(name, folder / name, split) if read is None else read(folder, split)


def _draw(count: int, wanted: int | None, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).permutation(count)[:wanted]


def _users(name: str, folder: Path, split: str) -> Arrays:
    archive, tables = folder / f"{name}.npz", sorted(folder.rglob(f"{split}*.parquet"))
    if archive.is_file():
        arrays = np.load(archive)
        if absent := {f"x_{split}", f"y_{split}"} - set(arrays.files):
            raise DataError(
                f"{archive.name} has no array {min(absent)!r}; expected x_train, y_train, x_test and y_test"
            )
        x, y = arrays[f"x_{split}"], arrays[f"y_{split}"].reshape(-1).astype(np.int64)
        if x.dtype != np.uint8 or x.shape[-1] != 3:
            raise DataError(f"{archive.name}: got {x.dtype} images {x.shape}, expected uint8 (N, H, W, 3)")
        return x, y
    if not tables:
        raise DataError(f"{folder.name} has neither {archive.name} nor {split}*.parquet; put one of them there")
    return _table(pa.concat_tables([pq.read_table(file) for file in tables]), folder.name)


def _table(table: pa.Table, name: str) -> Arrays:
    columns = [next((known for known in names if known in table.column_names), None) for names in _COLUMNS]
    if None in columns:
        raise DataError(f"{name} has the columns {', '.join(table.column_names)}; expected image or img, and label")
    cells = [Image.open(io.BytesIO(cell["bytes"])) for cell in table[columns[0]].to_pylist()]
    return np.stack([np.asarray(cell.convert("RGB")) for cell in cells]), np.asarray(table[columns[1]], dtype=np.int64)
