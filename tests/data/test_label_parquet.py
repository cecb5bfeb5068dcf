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


def _shades(folder: Path, name: str, levels: list[int], lists: list[object], names: list[str]) -> Path:
    """A shard of pictures of these levels, whose numbers a schema calls ``names``."""
    cells = []
    for level in levels:
        data = io.BytesIO()
        Image.fromarray(np.full((4, 4), level, np.uint8)).save(data, format="PNG")
        cells.append({"bytes": data.getvalue(), "path": None})
    feature = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    metadata = {"huggingface": json.dumps({"info": {"features": {"labels": feature}}})}
    folder.mkdir(parents=True, exist_ok=True)
    table = pa.table({"image": cells, "labels": lists, "patient": [f"p{level}" for level in levels]})
    pq.write_table(table.replace_schema_metadata(metadata), folder / name)
    return folder / name


@pytest.mark.parametrize("place", [".", "data"])
def test_shards_are_one_set(tmp_path: Path, place: str) -> None:
    _shades(tmp_path / place, "train-00000-of-00002.parquet", [10, 20], [[0], []], ["A", "B"])
    _shades(tmp_path / place, "train-00001-of-00002.parquet", [30], [[1, 0]], ["A", "B"])
    _shades(tmp_path / place, "test-00000-of-00001.parquet", [40], [[1]], ["A", "B"])
    images = open_labels(tmp_path)
    assert images.labels.tolist() == [[1, 0], [0, 0], [1, 1]]
    assert images.ids == [f"train-0000{shard}-of-00002.parquet#{row}" for shard, row in ((0, 0), (0, 1), (1, 0))]
    assert [images.open(place).getpixel((0, 0))[0] for place in (2, 0, 1)] == [30, 10, 20]
    assert list(images.patients or ()) == ["p10", "p20", "p30"]
    assert open_labels(tmp_path, split="test").open(0).getpixel((0, 0)) == (40, 40, 40)
    with pytest.raises(DataError, match="no split 'val'; it has test, train"):
        open_labels(tmp_path, split="val")


def test_a_bad_row_of_a_shard_is_named_by_its_file(tmp_path: Path) -> None:
    _shades(tmp_path, "train-00000-of-00002.parquet", [10], [[0]], ["A", "B"])
    _shades(tmp_path, "train-00001-of-00002.parquet", [20, 30], [[2], [1]], ["A", "B"])
    with pytest.raises(DataError, match=r"train-00001-of-00002\.parquet row 0: got finding number 2"):
        open_labels(tmp_path)
    images = open_labels(tmp_path, on_error="skip")
    assert [images.open(place).getpixel((0, 0))[0] for place in range(2)] == [10, 30]


def test_shards_of_different_schemas_are_refused(tmp_path: Path) -> None:
    _shades(tmp_path, "train-00000-of-00002.parquet", [10], [[0]], ["A", "B"])
    _shades(tmp_path, "train-00001-of-00002.parquet", [20], [[0]], ["B", "A"])
    with pytest.raises(DataError, match=r"00001-of-00002\.parquet names or numbers its classes otherwise"):
        open_labels(tmp_path)
    write_numbered(tmp_path, [[0]]).rename(tmp_path / "train-00001-of-00002.parquet")
    with pytest.raises(DataError, match=r"00001-of-00002\.parquet has other columns"):
        open_labels(tmp_path)


def test_several_tables_that_only_name_images_are_no_shards(tmp_path: Path) -> None:
    write_images(tmp_path, ["a.png"])
    for number in range(2):
        table = pa.table({"image": ["a.png"], "x": [1]})
        pq.write_table(table, tmp_path / f"train-0000{number}-of-00002.parquet")
    with pytest.raises(DataError, match="several tables of one split"):
        open_labels(tmp_path)


def test_pictures_may_be_large_binary(tmp_path: Path) -> None:
    """As polars writes bytes."""
    cells = pa.array([cell["bytes"] for cell in blank_pictures(2)], pa.large_binary())
    pq.write_table(pa.table({"image": cells, "A": [0, 1], "B": [1, 0]}), tmp_path / "t.parquet")
    images = open_labels(tmp_path / "t.parquet")
    assert (images.classes, images.labels.tolist()) == (("A", "B"), [[0, 1], [1, 0]])
    assert images.open(1).size == (4, 4)
