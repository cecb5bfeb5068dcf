"""Train the editor that ships inside the package: its pictures, its settings, its seed.

    python benchmarks/train_embedded_editor.py --out EDITOR [--data FOLDER] [--pictures FOLDER]

The pictures are training splits only, so that test splits stay unseen: 1,900 Imagenette (224 px), 14,000 of CIFAR-10's
extra training images (disjoint from the training set that the benchmarks lock), 641 chest X-rays, 240 nuclei, 200
blood-cell pictures and 1,500 MNIST digits. GTSRB and Fashion-MNIST are not seen at all. Without the data folder, give
any folder of pictures with ``spellock editor train``.
"""

from __future__ import annotations

import argparse
import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from support.shared_data import default_folder

from spellock.editor_training.train import EditorTrainingConfig, train_editor


def collect_pictures(data: Path, out: Path) -> int:
    """Write the training pictures to ``out`` and return how many there are."""
    out.mkdir(parents=True, exist_ok=True)
    _from_zip(data / "imagenette" / "imagenette224.zip", "train/", out, "imagenette_")
    _from_zip(data / "nuclei" / "nuclei_coco.zip", "train/", out, "nuclei_")
    table = pq.read_table(data / "cifar10" / "train_extra.parquet")
    for index, row in enumerate(table["image"].to_pylist()[:14000]):
        (out / f"cifar_{index:05d}.jpg").write_bytes(row["bytes"])
    archive = zipfile.ZipFile(data / "bccd" / "bccd_voc.zip")
    for name in archive.read("ImageSets/Main/train.txt").decode().split():
        (out / f"bccd_{name}.jpg").write_bytes(archive.read(f"JPEGImages/{name}.jpg"))
    archive = zipfile.ZipFile(data / "nih_chestxray" / "nih_chestxray.zip")
    for row in csv.DictReader(io.StringIO(archive.read("labels.csv").decode())):
        if row["split"] == "train":
            (out / f"nih_{Path(row['Image Index']).stem}.jpg").write_bytes(archive.read("images/" + row["Image Index"]))
    for index, digit in enumerate(np.load(data / "mnist" / "mnist.npz")["x_train"][:1500]):
        Image.fromarray(digit).save(out / f"mnist_{index:04d}.png")
    return len(list(out.iterdir()))


def _from_zip(path: Path, below: str, out: Path, prefix: str) -> None:
    archive = zipfile.ZipFile(path)
    for name in archive.namelist():
        if name.startswith(below) and name.lower().endswith((".jpeg", ".png")):
            (out / (prefix + Path(name).name)).write_bytes(archive.read(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=default_folder())
    parser.add_argument("--pictures", type=Path, default=Path("runs/pictures"))
    args = parser.parse_args()
    print(f"{collect_pictures(args.data, args.pictures)} pictures in {args.pictures}")
    train_editor(EditorTrainingConfig(), args.pictures, args.out)


if __name__ == "__main__":
    main()
