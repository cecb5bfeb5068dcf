"""The developers' real data sets, read from a folder that is not part of the project (``--data``)."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

Arrays = tuple[np.ndarray, np.ndarray]


def default_folder() -> Path:
    """``shared/data`` beside the checkout."""
    return Path(__file__).resolve().parents[3] / "shared" / "data"


def cifar10(folder: Path, split: str) -> Arrays:
    """uint8 images (N, 32, 32, 3) and labels of ``train``, ``train_extra`` or ``test``."""
    table = pq.read_table(folder / "cifar10" / f"{split}.parquet")
    images = [np.asarray(Image.open(io.BytesIO(row["bytes"])).convert("RGB")) for row in table["image"].to_pylist()]
    return np.stack(images), np.asarray(table["label"], dtype=np.int64)


def cifar10_40000(folder: Path, split: str) -> Arrays:
    """The same with ``train`` and ``train_extra`` together as ``train``: 4,000 a class."""
    parts = [cifar10(folder, part) for part in (("train", "train_extra") if split == "train" else (split,))]
    return np.concatenate([images for images, _ in parts]), np.concatenate([labels for _, labels in parts])


def gtsrb(folder: Path, split: str) -> Arrays:
    """uint8 images (N, 32, 32, 3) and labels of ``train`` or ``test``."""
    arrays = np.load(folder / "gtsrb" / "gtsrb.npz")
    return arrays[f"x_{split}"], arrays[f"y_{split}"].astype(np.int64)


def fashion_mnist(folder: Path, split: str) -> Arrays:
    """Grey images padded to 32 px and repeated to RGB, and labels of ``train`` or ``test``."""
    return _grey(folder / "fashion_mnist" / "fashion_mnist.npz", split)


def mnist(folder: Path, split: str) -> Arrays:
    """The same of MNIST; both splits come out of its official test set."""
    return _grey(folder / "mnist" / "mnist.npz", split)


def imagenette(folder: Path, split: str, side: int) -> Arrays:
    """uint8 images (N, side, side, 3) and labels of ``train`` or ``val``."""
    archive = zipfile.ZipFile(folder / "imagenette" / "imagenette224.zip")
    names = [name for name in archive.namelist() if name.startswith(f"{split}/") and name.endswith("JPEG")]
    classes = sorted({name.split("/")[1] for name in names})
    images = [
        np.asarray(
            Image.open(io.BytesIO(archive.read(name))).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
        )
        for name in names
    ]
    labels = [classes.index(name.split("/")[1]) for name in names]
    return np.stack(images), np.asarray(labels, dtype=np.int64)


def nih_chestxray(folder: Path, work: Path) -> Path:
    """The table of the ChestX-ray14 images, unpacked once below ``work``; open it with `open_labels`."""
    out = work / "nih_chestxray"
    if not (out / "labels.csv").is_file():
        with zipfile.ZipFile(folder / "nih_chestxray" / "nih_chestxray.zip") as archive:
            names = [name for name in archive.namelist() if not name.endswith("labels.csv")]
            archive.extractall(out, members=names)
            archive.extract("labels.csv", out)  # last, so that it says that all is there
    return out / "labels.csv"


def _grey(file: Path, split: str) -> Arrays:
    arrays = np.load(file)
    padded = np.pad(arrays[f"x_{split}"], ((0, 0), (2, 2), (2, 2)))
    return np.repeat(padded[..., None], 3, axis=-1), arrays[f"y_{split}"].astype(np.int64)
