"""Made-up pictures with coloured squares on dark ground, whose boxes and masks are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spellock.data.annotation import Annotation
from spellock.data.box_set import BoxSet
from spellock.data.rle import encode

NAMES = ("red", "green")


def squares(count: int, *, size: tuple[int, int] = (48, 64), masks: bool = True, seed: int = 0) -> BoxSet:
    """``count`` pictures of ``size`` (height, width) with none to two squares of 10 to 17 px each; every other picture
    has at least one."""
    draws = np.random.default_rng(seed)
    height, width = size
    pictures, annotations = [], []
    for number in range(count):
        pixels = draws.integers(0, 60, (height, width, 3)).astype(np.uint8)
        boxes, labels, shapes = [], [], []
        for _ in range(max(int(draws.integers(0, 3)), number % 2)):
            side, label = int(draws.integers(10, 18)), int(draws.integers(2))
            left, top = int(draws.integers(0, width - side)), int(draws.integers(0, height - side))
            pixels[top : top + side, left : left + side, label] = 220
            shape = np.zeros(size, dtype=np.bool_)
            shape[top : top + side, left : left + side] = True
            boxes.append([left, top, left + side, top + side])
            labels.append(label)
            shapes.append(encode(shape))
        pictures.append(Image.fromarray(pixels))
        annotations.append(
            Annotation(
                id=f"{number:03d}.png",
                size=size,
                boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
                labels=np.array(labels, dtype=np.int64),
                masks=tuple(shapes) if masks else None,
            )
        )
    return BoxSet("squares", annotations, NAMES, lambda index: pictures[index])


def coco_of(images: BoxSet) -> dict[str, Any]:
    """COCO's json of a set, with uncompressed run lengths."""
    frames, objects = [], []
    for number, one in enumerate(images.labels):
        frames.append({"id": number + 7, "file_name": one.id, "height": one.size[0], "width": one.size[1]})
        for place, (left, top, right, bottom) in enumerate(one.boxes.astype(float).tolist()):
            made: dict[str, Any] = {
                "id": len(objects) + 1,
                "image_id": number + 7,
                "category_id": int(one.labels[place]) + 3,
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
            if one.masks is not None:
                made["segmentation"] = {"size": list(one.size), "counts": one.masks[place].runs.tolist()}
            objects.append(made)
    return {
        "images": frames,
        "annotations": objects,
        "categories": [{"id": place + 3, "name": name} for place, name in enumerate(images.classes)],
    }


def write_coco_set(folder: Path, images: BoxSet, *, split: str = "train") -> dict[str, Any]:
    """``folder/<split>/*.png`` and ``folder/annotations/instances_<split>.json``; returns what was written."""
    (folder / split).mkdir(parents=True)
    (folder / "annotations").mkdir(exist_ok=True)
    for index, name in enumerate(images.ids):
        images.open(index).save(folder / split / name)
    content = coco_of(images)
    (folder / "annotations" / f"instances_{split}.json").write_text(json.dumps(content))
    return content
