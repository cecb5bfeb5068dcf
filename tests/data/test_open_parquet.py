"""Parquet files and shards in the Hugging Face layout open lazily; other layouts are refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spellock.data import open_images
from spellock.data.write_png import encode_png
from spellock.errors import DataError, MissingSplitError

from .picture_sets import make_table, picture, values


def test_parquet_file_with_and_without_class_names(tmp_path) -> None:
    pq.write_table(make_table([5, 6, 7], [2, 0, 1], names=["a", "b", "c"]), tmp_path / "x.parquet")
    images = open_images(tmp_path / "x.parquet")
    assert (images.classes, images.labels.tolist(), values(images)) == (("a", "b", "c"), [2, 0, 1], [5, 6, 7])
    assert images.ids == ["x.parquet#0", "x.parquet#1", "x.parquet#2"]
    pq.write_table(make_table([5, 6], [2, 0]), tmp_path / "y.parquet")
    assert open_images(tmp_path / "y.parquet").classes == ("0", "1", "2")
    pq.write_table(make_table([5, 6], ["pug", "cat"]), tmp_path / "z.parquet")
    named = open_images(tmp_path / "z.parquet")
    assert (named.classes, named.labels.tolist()) == (("cat", "pug"), [1, 0])
    plain = pa.table({"img": [encode_png(picture(8))], "labels": [0]})
    pq.write_table(plain, tmp_path / "w.parquet")
    assert values(open_images(tmp_path / "w.parquet")) == [8]


@pytest.mark.parametrize("inside", ["", "data"])
def test_parquet_shards_and_splits(tmp_path, inside) -> None:
    place = tmp_path / inside
    place.mkdir(exist_ok=True)
    names = ["a", "b"]
    pq.write_table(make_table([1, 2], [0, 1], names=names), place / "train-00000-of-00002.parquet")
    pq.write_table(make_table([3], [1], names=names), place / "train-00001-of-00002.parquet")
    pq.write_table(make_table([4], [0], names=names), place / "test-00000-of-00001.parquet")
    train = open_images(tmp_path)
    assert (values(train), train.labels.tolist()) == ([1, 2, 3], [0, 1, 1])
    assert len(set(train.ids)) == 3
    assert values(open_images(tmp_path, split="test")) == [4]
    with pytest.raises(DataError, match="has test, train"):
        open_images(tmp_path, split="dev")


@pytest.mark.parametrize("name", ["train.parquet", "train-00000-of-00001.parquet"])
def test_a_single_file_has_no_split_but_its_own(tmp_path, name) -> None:
    pq.write_table(make_table([1, 2], [0, 1]), tmp_path / name)
    assert values(open_images(tmp_path / name, split="train")) == [1, 2]
    with pytest.raises(MissingSplitError, match="no split 'test'; it is one file"):
        open_images(tmp_path / name, split="test")


def test_parquet_in_split_folders(tmp_path) -> None:
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        pq.write_table(make_table([len(split)], [0]), tmp_path / split / "0000.parquet")
    assert values(open_images(tmp_path, split="test")) == [4]


def test_parquet_rows_in_any_order_and_from_threads(tmp_path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    pq.write_table(make_table(list(range(200)), [0, 1] * 100), tmp_path / "x.parquet", row_group_size=90)
    images = open_images(tmp_path / "x.parquet")
    order = np.random.default_rng(0).permutation(200).tolist()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda index: int(np.asarray(images.open(index))[0, 0, 0]), order))
    assert found == order


def test_parquet_memory_is_bounded(tmp_path, monkeypatch) -> None:
    from spellock.data import parquet_rows

    pq.write_table(make_table([n % 256 for n in range(300)], [0, 1] * 150), tmp_path / "x.parquet")
    rows = parquet_rows.ParquetRows(tmp_path / "x.parquet", "image")
    monkeypatch.setattr(parquet_rows, "_BUDGET", 20_000)
    for index in [*range(300), 3, 299, 0, *np.random.default_rng(0).permutation(300).tolist()]:
        assert rows[index]["path"] == f"{index % 256}.png"
        assert rows._bytes <= 20_000
        assert rows._bytes == sum(batch.nbytes for batch in rows._kept.values()), "or less and less would be kept"
    assert rows._bytes == sum(batch.nbytes for batch in rows._kept.values())


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (make_table([3], [0], names=["b", "a"]), "numbers its classes otherwise than"),
        (make_table([3], ["a"], names=["a", "b"]), "labels of string"),
    ],
)
def test_shards_whose_labels_mean_something_else_are_refused(tmp_path, second, reason) -> None:
    pq.write_table(make_table([1, 2], [0, 1], names=["a", "b"]), tmp_path / "train-00000-of-00002.parquet")
    pq.write_table(second, tmp_path / "train-00001-of-00002.parquet")
    with pytest.raises(DataError, match=reason) as caught:
        open_images(tmp_path)
    assert "00001-of" in str(caught.value)


def test_damaged_labels_are_named(tmp_path) -> None:
    file = tmp_path / "x.parquet"
    pq.write_table(make_table([1, 2] * 50, [0, 1] * 50), file, use_dictionary=False, compression="gzip")
    chunk = pq.read_metadata(file).row_group(0)
    place = next(chunk.column(k) for k in range(chunk.num_columns) if chunk.column(k).path_in_schema == "label")
    data = bytearray(file.read_bytes())
    data[place.data_page_offset : place.data_page_offset + place.total_compressed_size] = bytes(
        [255] * place.total_compressed_size
    )
    file.write_bytes(data)
    with pytest.raises(DataError, match=r"the labels of .*x\.parquet cannot be read"):
        open_images(file)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (pa.table({"picture": [b"x"], "label": [0]}), "no 'image' column, only picture, label"),
        (pa.table({"image": [b"x"], "kind": [0]}), "no 'label' column"),
        (pa.table({"image": [1], "label": [0]}), "expected a struct of bytes and path"),
        (
            pa.table({"image": [b"x"], "label": [None]}, pa.schema({"image": pa.binary(), "label": pa.int64()})),
            "1 rows have no label",
        ),
        (pa.table({"image": [b"x"], "label": [-1]}), "unlabelled split"),
        (pa.table({"image": [b"x"], "label": [0.5]}), "one integer or class name"),
        (make_table([1], [3], names=["a", "b"]), "expected 0 to 1"),
        (make_table([1], ["c"], names=["a", "b"]), "'c' is none of the 2 classes"),
        (make_table([1], [0], names=["a", "b"]).slice(0, 0), "no rows"),
        (make_table([1], [2**40]), "is 'label' the right column"),
    ],
)
def test_tables_of_another_layout_are_refused(tmp_path, table, reason) -> None:
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(DataError, match=reason) as caught:
        open_images(tmp_path / "x.parquet")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "task"), [("labels.csv", "multilabel"), ("boxes.JSON", "detection")])
def test_files_of_other_tasks_say_which_task(tmp_path, name, task) -> None:
    (tmp_path / name).write_text("image,Edema\n")
    with pytest.raises(DataError, match=rf"{name} is no image folder or parquet file; .*--task {task}"):
        open_images(tmp_path / name)


def test_parquet_cells_without_image(tmp_path) -> None:
    cells = [{"bytes": None, "path": path} for path in ("here.png", "../outside.png", "/etc/hostname", None)]
    table = pa.table(
        {"image": pa.array(cells, pa.struct({"bytes": pa.binary(), "path": pa.string()})), "label": [0, 1, 0, 1]}
    )
    (tmp_path / "set").mkdir()
    pq.write_table(table, tmp_path / "set" / "x.parquet")
    for place in ("set/here.png", "outside.png"):
        (tmp_path / place).write_bytes(encode_png(picture(3)))
    images = open_images(tmp_path / "set")
    assert np.asarray(images.open(0)).max() == 3
    (tmp_path / "set" / "here.png").unlink()
    (tmp_path / "set" / "here.png").symlink_to(tmp_path / "outside.png")
    assert np.asarray(images.open(0)).max() == 3
    for index in (1, 2):
        with pytest.raises(DataError, match="outside of"):
            images.open(index)
    with pytest.raises(DataError, match=r"x\.parquet row 3 holds no image"):
        images.open(3)


def test_real_parquet(shared_data) -> None:
    images = open_images(shared_data / "cifar10", split="test")
    assert (len(images), images.classes[3], images.open(3999).size) == (4000, "cat", (32, 32))
    assert np.bincount(images.labels).tolist() == [400] * 10
