"""Write images with boxes and masks as COCO json that tells nothing but pixels and objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from spellock.artefacts import storage_errors
from spellock.data.annotation import Annotation
from spellock.data.polygons import as_rle
from spellock.data.write_folder import CONSTANT_TIME
from spellock.errors import DataError

COCO_FILE: Final = "annotations.json"
IMAGES: Final = "images"


def check_category_names(classes: Sequence[str]) -> None:
    """Check that every category has a name of its own.

    Raises:
        DataError: a name is empty or there twice.
    """
    for name in classes:
        if not name.strip():
            raise DataError("a category has an empty name; name it")
    if len(set(classes)) < len(classes):
        raise DataError("two categories have the same name; rename one")


def write_coco(folder: Path, images: Iterable[tuple[str, Annotation, bytes]], classes: Sequence[str]) -> None:
    """Write ``folder/images/<name>.png`` and ``folder/annotations.json``; masks as compressed run lengths.

    Images and objects are numbered in the order given, which should mean nothing (sorted by name). ``folder`` must not
    exist; the caller moves it into place once it is complete. All times are `CONSTANT_TIME`.

    Raises:
        DataError: a category's name is empty or there twice.
        StorageError: the disk is full or nothing may be written there.
    """
    check_category_names(classes)
    frames: list[dict[str, Any]] = []
    objects: list[dict[str, Any]] = []
    with storage_errors(folder):
        (folder / IMAGES).mkdir(parents=True)
        for number, (name, annotation, data) in enumerate(images, 1):
            file = folder / IMAGES / f"{name}.png"
            with open(file, "xb") as handle:
                handle.write(data)
            os.utime(file, (CONSTANT_TIME, CONSTANT_TIME))
            height, width = annotation.size
            frames.append({"id": number, "file_name": f"{name}.png", "height": height, "width": width})
            for place in range(len(annotation.labels)):
                objects.append({"id": len(objects) + 1, "image_id": number} | _object(annotation, place))
        names = [{"id": number, "name": name} for number, name in enumerate(classes, 1)]
        content = {"images": frames, "annotations": objects, "categories": names}
        (folder / COCO_FILE).write_text(json.dumps(content) + "\n", encoding="utf-8")
        for path in (folder / COCO_FILE, folder / IMAGES, folder):
            os.utime(path, (CONSTANT_TIME, CONSTANT_TIME))


def _object(annotation: Annotation, place: int) -> dict[str, Any]:
    left, top, right, bottom = annotation.boxes[place].astype(np.float64).tolist()
    made: dict[str, Any] = {
        "category_id": int(annotation.labels[place]) + 1,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": int(annotation.crowd[place]),
    }
    if annotation.masks is not None:
        rle = as_rle(annotation.masks[place])
        made["segmentation"] = {"size": list(rle.size), "counts": rle.text()}
        made["area"] = int(rle.runs[1::2].sum())
    return made
