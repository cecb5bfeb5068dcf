"""Read the released part of a locked set: an image folder or a parquet file."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from spellock.artefacts import read_json
from spellock.data.folder import FolderSet
from spellock.data.image_set import ImageSet
from spellock.data.parquet import ParquetSet
from spellock.errors import DataError
from spellock.locking.set_settings import str_list


def read_released(folder: Path) -> tuple[ImageSet, list[str]]:
    """The released images sorted by name, and their names without suffix.

    Raises:
        DataError: ``folder`` holds no locked set.
    """
    if (folder / "images").is_dir():
        classes = str_list(read_json(folder / "classes.json").get("classes"), folder / "classes.json")
        image_set: ImageSet = FolderSet(folder / "images", classes=classes)
        names = [Path(name).stem for name in image_set.ids]
    elif (folder / "train.parquet").is_file():
        image_set = ParquetSet([folder / "train.parquet"], name=str(folder))
        cells = pq.ParquetFile(folder / "train.parquet").read(columns=["image.path"]).column("image")
        names = [Path(cell["path"]).stem for cell in cells.to_pylist()]
    else:
        raise DataError(
            f"{folder} holds no locked set, expected 'locked_set', 'images' or 'train.parquet' in it; check the path"
        )
    order = sorted(range(len(names)), key=names.__getitem__)
    return image_set.subset(order), [names[index] for index in order]
