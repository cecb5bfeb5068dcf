"""Small multi-label tables with their images, made on the spot."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

NAMES = ("Edema", "Mass")


def write_images(folder: Path, names: Sequence[str]) -> None:
    """A small grey image for each name, each of another level."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((6, 5), 10 + number, np.uint8)).save(folder / name)


def write_table(folder: Path, lines: Sequence[str], *, images: Sequence[str] = ("a.png", "b.png", "c.png")) -> Path:
    """``folder/labels.csv`` with these lines, and the images in ``folder/images``."""
    write_images(folder / "images", images)
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder / "labels.csv"


def write_chestxray14(root: Path) -> Path:
    """Six made-up files in the layout of NIH's ChestX-ray14: the table, two lists, images in numbered folders."""
    head = (
        "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
        "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
    )
    rows = (
        "00000001_000.png,Cardiomegaly,0,1,58,M,PA,2682,2749,0.143,0.143,",
        "00000001_001.png,Cardiomegaly|Emphysema,1,1,58,M,PA,2894,2729,0.143,0.143,",
        "00000002_000.png,No Finding,0,2,81,M,PA,2500,2048,0.171,0.171,",
        "00000003_000.png,Hernia,0,3,81,F,PA,2582,2991,0.143,0.143,",
        "00000003_001.png,Hernia|Pleural_Thickening,1,3,74,F,PA,2500,2048,0.168,0.168,",
        "00000004_000.png,Mass|Nodule,0,4,82,M,AP,2500,2048,0.168,0.168,",
    )
    root.mkdir(parents=True, exist_ok=True)
    (root / "Data_Entry_2017.csv").write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    names = [row.split(",")[0] for row in rows]
    write_images(root / "images_001" / "images", names[:3])
    write_images(root / "images_002" / "images", names[3:])
    (root / "train_val_list.txt").write_text("\n".join(names[:3]) + "\n")
    (root / "test_list.txt").write_text("\n".join(names[3:]))
    return root / "Data_Entry_2017.csv"


def blank_pictures(count: int) -> list[dict[str, object]]:
    """Cells of black pictures, as Hugging Face writes them."""
    data = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(data, format="PNG")
    return [{"bytes": data.getvalue(), "path": None}] * count


def write_numbered(folder: Path, lists: list[object], **columns: list[object]) -> Path:
    """A parquet file of pictures and lists of numbers, which a schema calls A, B and C."""
    feature = {"feature": {"names": ["A", "B", "C"], "_type": "ClassLabel"}, "_type": "Sequence"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"labels": feature}}})}
    table = pa.table({"image": blank_pictures(len(lists)), "labels": lists, **columns}).replace_schema_metadata(
        metadata
    )
    pq.write_table(table, folder / "t.parquet")
    return folder / "t.parquet"
