"""Splits of tables of findings: columns, lists, shards, and patients that are in one split only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from spellock.data import open_labels
from spellock.errors import DataError

from .label_samples import write_images, write_numbered, write_table


def test_splits_of_a_column(tmp_path: Path) -> None:
    lines = ["image,patient,split,Edema,Mass", "a.png,1,train,1,0", "b.png,1,train,0,1", "c.png,2,val,1,1"]
    table = write_table(tmp_path, lines)
    assert open_labels(table).ids == ["a.png", "b.png"], "train by default"
    assert open_labels(table, split="val").ids == ["c.png"]
    with pytest.raises(DataError, match="no split 'test'; it has train, val"):
        open_labels(table, split="test")
    table.write_text(table.read_text().replace("c.png,2", "c.png,1"))
    with pytest.raises(DataError, match=r"labels\.csv line 2: patient '1' is in 'train' and in 'val' \(.*line 4\)"):
        open_labels(table)


def test_a_parquet_file_of_pictures_has_the_splits_of_its_column(tmp_path: Path) -> None:
    file = write_numbered(tmp_path, [[0], [1], [2]], split=["train", "train", "test"], patient=["1", "1", "2"])
    assert (open_labels(file).ids, open_labels(file, split="test").ids) == (
        ["t.parquet#0", "t.parquet#1"],
        ["t.parquet#2"],
    )
    with pytest.raises(DataError, match="no split 'val'; it has test, train"):
        open_labels(file, split="val")
    file = write_numbered(tmp_path, [[0], [1], [2]], split=["train", "train", "test"], patient=["1", "1", "1"])
    with pytest.raises(DataError, match=r"row 0: patient '1' is in 'train' and in 'test' \(.*row 2\)"):
        open_labels(file)
    file = write_numbered(tmp_path, [[0], [1], [2]], split=["train", None, "test"])
    with pytest.raises(DataError, match="row 1: 'split' is empty"):
        open_labels(file)


@pytest.mark.parametrize("owners", [["1", None, None], [1.0, float("nan"), float("nan")]], ids=["null", "nan"])
def test_images_of_nobody_are_not_those_of_one_patient(tmp_path: Path, owners: list[object]) -> None:
    with pytest.raises(DataError, match="row 1: 'patient' is empty, expected whom the image is of"):
        open_labels(write_numbered(tmp_path, [[0], [1], [2]], patient=owners))


def test_a_shard_is_of_the_split_that_its_name_says(tmp_path: Path) -> None:
    write_numbered(tmp_path, [[0], [1]]).rename(tmp_path / "train-00000-of-00001.parquet")
    write_numbered(tmp_path, [[0]]).rename(tmp_path / "test-00000-of-00001.parquet")
    assert (len(open_labels(tmp_path)), len(open_labels(tmp_path, split="test"))) == (2, 1)
    assert len(open_labels(tmp_path / "test-00000-of-00001.parquet", split="test")) == 1


def test_lists_of_splits_are_lines_of_text(tmp_path: Path) -> None:
    table = write_table(tmp_path, ["image,Edema", "a b.png,1", "b.png,0"], images=["a b.png", "b.png"])
    (tmp_path / "train_val_list.txt").write_bytes(b"\xef\xbb\xbfa b.png\r\n")
    (tmp_path / "test_list.txt").write_text("b.png\n")
    assert open_labels(table).ids == ["a b.png"]
    (tmp_path / "test_list.txt").write_bytes(b"\xe4.png\n")
    with pytest.raises(DataError, match=r"test_list\.txt is not UTF-8 text"):
        open_labels(table)


def test_patients_in_two_splits_are_left_out_of_both(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = ["image,patient,split,Edema,Mass", "a.png,1,train,1,0", "b.png,2,train,0,1", "c.png,2,test,1,1"]
    table = write_table(tmp_path, [*lines, "d.png,3,test,0,1"], images=("a.png", "b.png", "c.png", "d.png"))
    with caplog.at_level(logging.WARNING):
        parts = [open_labels(table, split=split, on_error="skip").ids for split in ("train", "test")]
    assert parts == [["a.png"], ["d.png"]]
    assert "line 3: patient '2' is in 'train' and in 'test'" in caplog.text


def write_split(folder: Path, split: str, rows: Sequence[str], *, head: str = "image,patient,Edema,Mass") -> None:
    """A table of one split, as ``test.csv``, with its images in the folder of all."""
    write_images(folder / "images", [row.split(",")[0] for row in rows])
    (folder / f"{split}.csv").write_text("\n".join((head, *rows)) + "\n")


def test_a_table_a_split_is_compared_with_those_beside_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path, "train", ["a.png,1,1,0", "b.png,2,0,1"])
    write_split(tmp_path, "test", ["c.png,3,1,1", "d.png,4,0,1"])
    assert [open_labels(tmp_path, split=split).ids[0] for split in ("train", "test")] == ["a.png", "c.png"]
    write_split(tmp_path, "test", ["c.png,2,1,1", "d.png,4,0,1"])
    for source, split in ((tmp_path, "test"), (tmp_path / "test.csv", None)):
        says = r"test\.csv line 2: patient '2' is in another split too \(.*train\.csv line 3\)"
        with pytest.raises(DataError, match=says):
            open_labels(source, split=split)
    with caplog.at_level(logging.WARNING):
        parts = [open_labels(tmp_path, split=split, on_error="skip").ids for split in ("train", "test")]
    assert parts == [["a.png"], ["d.png"]]
    assert "train.csv line 3: patient '2'" in caplog.text
    (tmp_path / "train.csv").rename(tmp_path / "everybody.csv")
    assert len(open_labels(tmp_path / "test.csv", on_error="skip")) == 2, "its name is of no split"


def test_tables_of_splits_without_patients_share_no_image(tmp_path: Path) -> None:
    head = "image,Edema,Mass"
    write_split(tmp_path, "train", ["a.png,1,0", "b.png,0,1"], head=head)
    write_split(tmp_path, "val", ["b.png,0,1", "c.png,1,0"], head=head)
    with pytest.raises(DataError, match=r"train\.csv line 3: image 'b\.png' is in another split too"):
        open_labels(tmp_path)
    assert len(open_labels(tmp_path / "train.csv", images=tmp_path / "images", on_error="skip")) == 2


@pytest.mark.parametrize("layout", ["{}.parquet", "{}-00000-of-00001.parquet", "{}/0.parquet", "data/{}/0.parquet"])
def test_parquet_files_of_splits_share_no_patient(tmp_path: Path, layout: str) -> None:
    for split, patients in {"train": ["1", "2"], "test": ["3", "2"]}.items():
        (tmp_path / layout.format(split)).parent.mkdir(parents=True, exist_ok=True)
        write_numbered(tmp_path, [[0], [1]], patient=patients, id=["0", "1"]).rename(tmp_path / layout.format(split))
    with pytest.raises(DataError, match=r"row 1: patient '2' is in another split too \(.*train.*row 1\)"):
        open_labels(tmp_path, split="test")
    assert len(open_labels(tmp_path, split="test", on_error="skip")) == 1


def test_a_split_beside_that_cannot_be_read_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path, "train", ["a.png,1,1,0", "b.png,2,0,1"])
    (tmp_path / "test.csv").write_text("image;patient;Edema\n")
    with pytest.raises(DataError, match=r"which patients are in another split: .*test\.csv has ';'"):
        open_labels(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert len(open_labels(tmp_path, on_error="skip")) == 2
    assert "another split: " in caplog.text
