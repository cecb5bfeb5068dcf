"""Parquet files of findings: lists of names or numbers beside pictures, tables beside images, bad rows."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from spellock.data import open_labels
from spellock.errors import DataError

from .label_samples import NAMES, blank_pictures, write_images, write_numbered


@pytest.mark.parametrize("as_names", [False, True], ids=["numbers", "names"])
def test_hugging_face_parquet(tmp_path: Path, as_names: bool) -> None:
    pictures = []
    for level in (10, 20, 30):
        data = io.BytesIO()
        Image.fromarray(np.full((4, 4), level, np.uint8)).save(data, format="PNG")
        pictures.append({"bytes": data.getvalue(), "path": None})
    lists = [["Mass"], [], ["Mass", "Edema"]] if as_names else [[1], [], [1, 0]]
    metadata = {}
    if not as_names:
        feature = {"feature": {"names": list(NAMES), "_type": "ClassLabel"}, "_type": "Sequence"}
        metadata = {"huggingface": json.dumps({"info": {"features": {"labels": feature}}})}
    table = pa.table({"image": pictures, "labels": lists}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "train.parquet")
    images = open_labels(tmp_path)
    assert images.classes == NAMES
    assert images.labels.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert images.open(2).getpixel((0, 0)) == (30, 30, 30)
    assert images.patients is None


def test_a_parquet_table_beside_images(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png", "b.png"])
    pq.write_table(pa.table({"image": ["a.png", "b.png"], "x": [1, 0], "y": [0.0, 1.0]}), tmp_path / "t.parquet")
    assert open_labels(tmp_path / "t.parquet").labels.tolist() == [[1, 0], [0, 1]]
    pq.write_table(pa.table({"image": ["a.png", "b.png"], "x": [1, 0], "y": [0.0, None]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match=r"t\.parquet row 1: the label of 'y' is empty"):
        open_labels(tmp_path / "t.parquet")


def test_numbers_mean_what_the_schema_says_whatever_the_order_of_the_findings(tmp_path: Path) -> None:
    file = write_numbered(tmp_path, [[0], [0, 2], []])
    assert open_labels(file, findings=["C", "B", "A"]).labels.tolist() == [[0, 0, 1], [1, 0, 1], [0, 0, 0]]
    with pytest.raises(DataError, match="row 1: unknown finding 'C'"):
        open_labels(file, findings=["A", "B"])


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ([[0], [None], [1]], "row 1: 'labels' has an empty entry"),
        ([[1], [0, 1, 0], [2]], r"row 1: 'labels' is \[0, 1, 0\], with a number twice"),
        ([[0], [7], [1]], "row 1: got finding number 7, expected 0 to 2"),
    ],
)
def test_lists_that_are_no_lists_of_findings_are_named(tmp_path: Path, lists: list[object], says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_labels(write_numbered(tmp_path, lists))
    assert len(open_labels(tmp_path / "t.parquet", on_error="skip")) == 2


def test_a_number_that_is_none_of_a_finding_does_not_make_classes(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": blank_pictures(2), "labels": [[0], [10**9]]}), tmp_path / "t.parquet")
    with pytest.raises(DataError, match="highest number in 'labels' is 1000000000"):
        open_labels(tmp_path / "t.parquet")
