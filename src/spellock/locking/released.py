"""Read the released part of a locked set: an image folder, a folder of images beside a table or COCO json, or a
parquet file."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from spellock.artefacts import read_json
from spellock.data.coco import open_coco
from spellock.data.folder import FolderSet
from spellock.data.image_set import ImageSet
from spellock.data.label_parquet import LabelParquetSet
from spellock.data.open_labels import open_labels
from spellock.data.parquet import ParquetSet
from spellock.data.write_coco import COCO_FILE, IMAGES
from spellock.data.write_labels import LABELS_FILE
from spellock.errors import DataError
from spellock.locking.set_settings import str_list


def read_released(folder: Path) -> tuple[ImageSet, list[str]]:
    """The released images sorted by name, and their names without suffix.

    Raises:
        DataError: ``folder`` holds no locked set.
    """
    if (folder / COCO_FILE).is_file():
        image_set: ImageSet = open_coco(folder / COCO_FILE, images=folder / IMAGES)
        names = [Path(name).stem for name in image_set.ids]
    elif (folder / LABELS_FILE).is_file():
        image_set = open_labels(folder / LABELS_FILE)
        names = [Path(name).stem for name in image_set.ids]
    elif (folder / "images").is_dir():
        classes = str_list(read_json(folder / "classes.json").get("classes"), folder / "classes.json")
        image_set = FolderSet(folder / "images", classes=classes)
        names = [Path(name).stem for name in image_set.ids]
    elif (folder / "train.parquet").is_file():
        image_set = open_parquet(folder / "train.parquet")
        cells = pq.ParquetFile(folder / "train.parquet").read(columns=["image.path"]).column("image")
        names = [Path(cell["path"]).stem for cell in cells.to_pylist()]
    else:
        raise DataError(
            f"{folder} holds no locked set, expected 'locked_set', 'images' or 'train.parquet' in it; check the path"
        )
    order = sorted(range(len(names)), key=names.__getitem__)
    return image_set.subset(order), [names[index] for index in order]


def read_held_out(folder: Path, classes: list[str]) -> ImageSet:
    """Images that were held out for the owner; ``classes`` are all of the locked set."""
    if (folder / COCO_FILE).is_file():
        return open_coco(folder / COCO_FILE, images=folder / IMAGES)
    if (folder / LABELS_FILE).is_file():
        return open_labels(folder / LABELS_FILE)
    tables = sorted(folder.glob("*.parquet"))
    if tables:
        return open_parquet(tables[0])
    return FolderSet(folder, classes=[name for name in classes if (folder / name).is_dir()])


def open_parquet(file: Path) -> ImageSet:
    """A parquet file that was written here, with one label an image or several."""
    several = "labels" in pq.read_schema(file).names
    return LabelParquetSet([file]) if several else ParquetSet([file], name=str(file.parent))
