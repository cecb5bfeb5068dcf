"""Multi-label sets: the three layouts, NIH's folder, and every kind of bad row by file and line."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import numpy as np
import pytest

from spellock.data import ChosenFindings, frequent_findings, numpy_vectors, open_labels
from spellock.data.image_set import ImageSet
from spellock.data.label_vectors import checked_vectors
from spellock.errors import ConfigError, DataError

from .label_samples import NAMES, write_chestxray14, write_images, write_table

COLUMNS = ["image,patient,Edema,Mass,age", "a.png,p1,1,0,61", "b.png,p2,0,1,47", "c.png,p2,0,0,30"]
LISTED = ["Image Index,Finding Labels,Patient ID", "a.png,Edema,7", "b.png,Edema|Mass,8", "c.png,No Finding,8"]


def test_a_column_for_each_finding(tmp_path: Path) -> None:
    images = open_labels(write_table(tmp_path, COLUMNS))
    assert (images.task, images.classes, images.ids) == ("multilabel", NAMES, ["a.png", "b.png", "c.png"])
    assert images.labels.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert list(images.patients or ()) == ["p1", "p2", "p2"]
    assert images.open(1).getpixel((0, 0)) == (11, 11, 11)
    part = images.subset([2, 0])
    assert (list(part.patients or ()), part.labels.tolist(), part.task) == (
        ["p2", "p1"],
        [[0, 0], [1, 0]],
        "multilabel",
    )


def test_one_column_that_names_them(tmp_path: Path) -> None:
    images = open_labels(write_table(tmp_path, LISTED))
    assert images.classes == NAMES
    assert images.labels.tolist() == [[1, 0], [1, 1], [0, 0]]
    ordered = open_labels(tmp_path, findings=["Mass", "Edema", "Hernia"])
    assert ordered.labels.tolist() == [[0, 1, 0], [1, 1, 0], [0, 0, 0]]


def test_the_layout_of_chestxray14(tmp_path: Path) -> None:
    table = write_chestxray14(tmp_path / "CXR8")
    train, test = open_labels(table), open_labels(tmp_path / "CXR8", split="test")
    assert train.classes == test.classes, "findings come from the whole table"
    assert train.classes == ("Cardiomegaly", "Emphysema", "Hernia", "Mass", "Nodule", "Pleural_Thickening")
    assert train.ids == ["00000001_000.png", "00000001_001.png", "00000002_000.png"]
    assert train.labels.sum(axis=0).tolist() == [2, 1, 0, 0, 0, 0]
    assert list(test.patients or ()) == ["3", "3", "4"]
    assert test.open(0).size == (5, 6), "found below images_002/images"


BAD = {
    "line 3: the file 'gone.png' is missing": ("b.png,p2", "gone.png,p2"),
    "line 3: the label of 'Mass' is 'nan'": ("0,1,47", "0,nan,47"),
    "line 3: the label of 'Mass' is '-1', expected 0 or 1": ("0,1,47", "0,-1,47"),
    "line 3: the label of 'Edema' is empty": ("p2,0,1", "p2,,1"),
    "line 3: 'a.png' is a duplicate of .*line 2": ("b.png", "a.png"),
    "line 3: 'patient' is empty": ("b.png,p2", "b.png,"),
    "line 3: 6 cells for 5 columns; put quotes": ("0,1,47", "0,1,0,47"),
    "line 3: 'image' is empty": ("b.png,p2", ",p2"),
    "line 3: the file '../secret.png' is missing|line 3: '../secret.png' lies outside": ("b.png", "../secret.png"),
}


@pytest.mark.parametrize("says", BAD)
def test_bad_rows_are_named_or_skipped(tmp_path: Path, says: str, caplog: pytest.LogCaptureFixture) -> None:
    old, new = BAD[says]
    images = ["a.png", "b.png", "c.png"] if "b.png" not in old else ["a.png", "c.png"]
    table = write_table(tmp_path / "set", [line.replace(old, new, 1) for line in COLUMNS], images=images)
    write_images(tmp_path, ["secret.png"])
    with pytest.raises(DataError, match=rf"labels\.csv ({says})") as caught:
        open_labels(table)
    assert "\n" not in str(caught.value)
    if images == ["a.png", "b.png", "c.png"]:
        (tmp_path / "set" / "images" / "b.png").exists()
    with caplog.at_level(logging.WARNING):
        good = open_labels(table, on_error="skip")
    assert good.ids == ["a.png", "c.png"]
    assert good.labels.tolist() == [[1, 0], [0, 0]]
    assert "skipped: " in caplog.text
    assert "labels.csv line 3" in caplog.text


def test_links_in_the_folder_are_followed_and_names_that_leave_it_are_not(tmp_path: Path) -> None:
    """The folder's owner placed the links; the table may be anybody's."""
    table = write_table(tmp_path / "set", COLUMNS, images=["a.png"])
    write_images(tmp_path / "store", ["b.png", "deep/c.png"])
    (tmp_path / "set" / "images" / "b.png").symlink_to(tmp_path / "store" / "b.png")
    (tmp_path / "set" / "images" / "more").symlink_to(tmp_path / "store" / "deep")
    opened = open_labels(table)
    assert [np.asarray(opened.open(place)).max() for place in range(3)] == [10, 10, 11]
    (tmp_path / "set" / "images" / "b.png").unlink()
    for name in ("../../store/b.png", "more/../../../store/b.png", str(tmp_path / "store" / "b.png")):
        (tmp_path / "set" / "labels.csv").write_text("\n".join(COLUMNS).replace("b.png", name) + "\n")
        with pytest.raises(DataError, match=r"lies outside of .*put the images below it, or links to them"):
            open_labels(table)


def test_a_folder_beside_a_table_that_cannot_be_looked_into_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    table = write_table(tmp_path, COLUMNS)
    (tmp_path / "images" / "closed").mkdir()
    look = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match=r"cannot look into .*closed: Permission denied; check its permissions"):
        open_labels(table)
    with caplog.at_level(logging.WARNING):
        assert len(open_labels(table, on_error="skip")) == 3
    assert "closed: Permission denied" in caplog.text


def test_unknown_findings_are_named(tmp_path: Path) -> None:
    table = write_table(tmp_path, [line.replace("Edema|Mass", "Edema|Mas") for line in LISTED])
    with pytest.raises(DataError, match=r"line 3: unknown finding 'Mas', did you mean 'Mass'\?"):
        open_labels(table, findings=NAMES)
    assert open_labels(table, findings=NAMES, on_error="skip").ids == ["a.png", "c.png"]
    table = write_table(tmp_path, [line.replace("Edema|Mass", "") for line in LISTED])
    with pytest.raises(DataError, match="line 3: 'Finding Labels' is empty, expected findings like"):
        open_labels(table)
    table = write_table(tmp_path, COLUMNS)
    with pytest.raises(DataError, match="has no column 'Hernia'"):
        open_labels(table, findings=["Edema", "Hernia"])


def test_files_without_labels_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    table = write_table(tmp_path, COLUMNS, images=("a.png", "b.png", "c.png", "d.png"))
    with pytest.raises(DataError, match=r"d\.png has no row in .*labels\.csv"):
        open_labels(table)
    with caplog.at_level(logging.WARNING):
        assert len(open_labels(table, on_error="skip")) == 3
    assert "d.png has no row" in caplog.text


def test_one_name_in_two_folders(tmp_path: Path) -> None:
    table = write_table(tmp_path, COLUMNS)
    write_images(tmp_path / "more", ["b.png"])
    with pytest.raises(DataError, match=r"line 3: 'b\.png' is in .*images and in .*more"):
        open_labels(table)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        ("image,patient\na.png,1\n", "names no findings"),
        ("patient,Edema\n1,1\n", "no column of file names"),
        ("image,Edema\n", "no rows"),
    ],
)
def test_no_tables(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=says):
        open_labels(tmp_path / "t.csv")


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_labels(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="no table of labels"):
        open_labels(tmp_path)
    with pytest.raises(DataError, match="got a dict"):
        open_labels({})
    with pytest.raises(ConfigError, match="on_error"):
        open_labels(tmp_path, on_error="ask")  # type: ignore[arg-type]
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(DataError, match="not a readable parquet"):
        open_labels(tmp_path / "t.parquet")


def test_arrays() -> None:
    pixels = np.zeros((2, 4, 4), np.uint8)
    images = numpy_vectors(pixels, [[True, False], [False, False]], NAMES, patients=["x", "x"])
    assert isinstance(images, ImageSet)
    assert images.open(0).mode == "RGB"
    assert images.labels.dtype == np.int64
    with pytest.raises(DataError, match="first nan of image 1"):
        numpy_vectors(pixels, [[1, 0], [np.nan, 0]], NAMES)
    with pytest.raises(DataError, match="expected 2 zeros"):
        checked_vectors([1, 0], 2, "x")
    with pytest.raises(DataError, match="label rows have different lengths"):
        numpy_vectors(pixels, [[1, 0], [1]], NAMES)
    with pytest.raises(DataError, match="expected one each"):
        numpy_vectors(pixels, [[1, 0]], NAMES)
    with pytest.raises(DataError, match="expected uint8"):
        numpy_vectors(pixels.astype(float), [[1, 0], [0, 0]], NAMES)  # type: ignore[arg-type]


def test_findings_can_be_chosen_by_their_number(tmp_path: Path) -> None:
    train, test = (open_labels(write_chestxray14(tmp_path / "CXR8"), split=split) for split in ("train", "test"))
    assert frequent_findings({"train": train, "test": test}, {"train": 0, "test": 1}) == (
        "Hernia", "Mass", "Nodule", "Pleural_Thickening",
    )  # fmt: skip
    assert frequent_findings({"train": train}, {"train": 1}) == ("Cardiomegaly", "Emphysema"), "and negatives"
    some = ChosenFindings(test, ("Nodule", "Hernia"))
    assert some.labels.tolist() == [[0, 1], [0, 1], [1, 0]]
    assert (list(some.patients or ()), some.open(2).size) == (["3", "3", "4"], (5, 6))
    with pytest.raises(DataError, match="no finding 'Gout'"):
        ChosenFindings(test, ("Gout",))
    with pytest.raises(DataError, match="name different findings"):
        frequent_findings({"a": test, "b": some}, {"a": 1, "b": 1})


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["image;Edema;Mass", "a.png;1;0"], "has ';' between its columns, expected commas"),
        (["image\tEdema\tMass", "a.png\t1\t0"], r"has '\\t' between its columns, expected commas"),
        (["image,Edema,Edema", "a.png,1,0"], "two columns called 'Edema'"),
        (["image,Edema", "a.png,1", "images/a.png,0"], r"line 3: 'images/a\.png' is a duplicate of .* line 2"),
        (["image,Edema,patient", "a.png,1,nan"], "line 2: 'patient' is empty"),
        (["image,Edema,split", "a.png,1,"], "line 2: 'split' is empty, expected the split"),
    ],
)
def test_tables_that_say_less_than_they_seem_to(tmp_path: Path, lines: list[str], says: str) -> None:
    with pytest.raises(DataError, match=says):
        open_labels(write_table(tmp_path, lines, images=["a.png"]))


def test_a_finding_is_wanted_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'Edema' is there twice"):
        open_labels(write_table(tmp_path, LISTED), findings=["Edema", "Edema"])


def test_a_cell_of_nothing_is_left_out_where_findings_are_looked_for(tmp_path: Path) -> None:
    table = write_table(tmp_path, [line.replace("Edema|Mass", "nan") for line in LISTED])
    assert open_labels(table, on_error="skip").classes == ("Edema",)


def test_files_may_be_called_by_their_whole_path(tmp_path: Path) -> None:
    """Or by another spelling of a name; both are found, so neither is of a file without labels."""
    table = write_table(tmp_path, [line.replace("b.png", str(tmp_path / "images" / "b.png")) for line in COLUMNS])
    table.write_text(table.read_text().replace("c.png", "./images/../images/c.png"))
    assert len(open_labels(table)) == 3
    table.write_text(table.read_text().replace("a.png", "a" * 300 + ".png", 1))
    with pytest.raises(DataError, match=r"a\.png has no row"):
        open_labels(table)
    assert len(open_labels(table, on_error="skip")) == 2
