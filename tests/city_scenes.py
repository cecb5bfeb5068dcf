"""Made-up scenes in Cityscapes' own layout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from spellock.data.cityscapes import INSTANCES

SIZE = (64, 128)


def box(label: str, left: float, top: float, right: float, bottom: float, **others: Any) -> dict[str, Any]:
    """An object whose polygon names the first and last pixels of a rectangle, as Cityscapes' polygons do."""
    return {"label": label, "polygon": [[left, top], [right, top], [right, bottom], [left, bottom]], **others}


def write_scene(
    root: Path, objects: Sequence[Any], *, split: str = "train", city: str = "aachen", number: int = 0
) -> Path:
    """One image with its polygons; returns the json."""
    stem = f"{city}_{number:06d}_000019"
    image = root / "leftImg8bit" / split / city / f"{stem}_leftImg8bit.png"
    table = root / "gtFine" / split / city / f"{stem}_gtFine_polygons.json"
    for file in (image, table):
        file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(image)
    table.write_text(json.dumps({"imgHeight": SIZE[0], "imgWidth": SIZE[1], "objects": list(objects)}))
    return table


def write_street(root: Path, count: int, *, split: str = "train") -> None:
    """``count`` scenes with all eight categories, in two cities."""
    for number in range(count):
        objects = [box("road", 0, 30, 127, 63)]
        objects += [box(name, 4 + 15 * place, 10, 14 + 15 * place, 40) for place, name in enumerate(INSTANCES)]
        write_scene(root, objects, split=split, city=("aachen", "bochum")[number % 2], number=number)
