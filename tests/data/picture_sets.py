"""Small sets of plain pictures for the tests of this folder; picture n has the value n everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from spellock.data.write_png import encode_png


def picture(number: int) -> np.ndarray:
    return np.full((4, 4, 3), number, np.uint8)


def make_folder(root: Path, classes: dict[str, int]) -> Path:
    number = 0
    for name, count in classes.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            (root / name / f"{index}.png").write_bytes(encode_png(picture(number)))
            number += 1
    return root


def make_table(numbers: list[int], labels: list[object], *, names: list[str] | None = None) -> pa.Table:
    cells = [{"bytes": encode_png(picture(number)), "path": f"{number}.png"} for number in numbers]
    table = pa.table({"image": cells, "label": labels})
    if names is None:
        return table
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
    return table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def values(images) -> list[int]:
    return [int(np.asarray(images.open(index))[0, 0, 0]) for index in range(len(images))]
