"""Pascal VOC folders, bad objects by file and line, and XML that attacks its reader."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from PIL import Image

from spellock.data.open_boxes import open_boxes
from spellock.data.safe_xml import read_xml
from spellock.errors import DataError

_OBJECT = """
  <object>
    <name>{name}</name><difficult>{difficult}</difficult>
    <bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin><xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox>
  </object>"""


def _add(folder: Path, name: str, *objects: tuple[str, tuple[int, int, int, int]], difficult: int = 0) -> Path:
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30)).save(folder / "JPEGImages" / f"{name}.jpg")
    body = "".join(_OBJECT.format(name=one, box=box, difficult=difficult) for one, box in objects)
    file = folder / "Annotations" / f"{name}.xml"
    size = "<size><width>40</width><height>30</height></size>"
    file.write_text(f"<annotation>\n  <filename>{name}.jpg</filename>{size}{body}\n</annotation>\n")
    return file


def test_boxes_count_from_one_and_categories_are_those_of_all_splits(tmp_path: Path) -> None:
    _add(tmp_path, "a", ("cat", (1, 1, 10, 20)), ("dog", (5, 6, 40, 30)))
    _add(tmp_path, "b", ("cow", (2, 3, 4, 5)), difficult=1)
    _add(tmp_path, "c")
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\nc\n")
    (tmp_path / "ImageSets/Main/val.txt").write_text("b\n")
    train, val = open_boxes(tmp_path), open_boxes(tmp_path, split="val")
    assert train.classes == val.classes == ("cat", "cow", "dog")
    assert train.ids == ["a.jpg", "c.jpg"]
    assert train.labels[0].boxes.tolist() == [[0, 0, 10, 20], [4, 5, 40, 30]]
    assert train.labels[0].labels.tolist() == [0, 2]
    assert len(train.labels[1].labels) == 0
    assert val.labels[0].crowd.tolist() == [True]
    with pytest.raises(DataError, match="no split 'test'"):
        open_boxes(tmp_path, split="test")


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((9, 9, 9, 12), "has no area"),
        ((9, 9, 3, 12), "has no area"),
        ((90, 9, 99, 12), "lies outside"),
        ((30, 9, 60, 12), "reaches beyond"),
    ],
)
def test_a_bad_box_is_named_with_file_and_line(
    box: tuple[int, int, int, int], said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = _add(tmp_path, "a", ("cat", (1, 1, 10, 20)), ("cat", box))
    with pytest.raises(DataError, match=said) as caught:
        open_boxes(tmp_path)
    assert f"{file} line 7" in str(caught.value)
    with caplog.at_level(logging.WARNING):
        found = open_boxes(tmp_path, on_error="skip")
    assert f"{file} line 7" in caplog.text
    assert len(found.labels[0].labels) == (2 if said == "reaches beyond" else 1)


def test_broken_and_missing_files_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _add(tmp_path, "a", ("cat", (1, 1, 10, 20)))
    _add(tmp_path, "b", ("cat", (1, 1, 10, 20))).write_text("<annotation><object>")
    _add(tmp_path, "c", ("cat", (1, 1, 10, 20)))
    (tmp_path / "JPEGImages/c.jpg").unlink()
    (tmp_path / "ImageSets/Main/train.txt").write_text("a\nb\nc\nd\n")
    with pytest.raises(DataError, match=r"b\.xml is not valid XML"):
        open_boxes(tmp_path)
    with caplog.at_level(logging.WARNING):
        found = open_boxes(tmp_path, on_error="skip")
    assert found.ids == ["a.jpg"]
    for said in ("b.xml is not valid XML", "c.jpg is not in JPEGImages", "'d' has no annotations"):
        assert said in caplog.text


BOMB = '<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]><annotation>&y;</annotation>'
THIEF = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><annotation>&x;</annotation>'
ELSEWHERE = '<!DOCTYPE a SYSTEM "http://example.invalid/a.dtd"><annotation/>'


@pytest.mark.parametrize("text", [BOMB, THIEF, ELSEWHERE])
def test_document_types_and_entities_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match="declares a document type or entity"):
        read_xml(tmp_path / "a.xml")


def test_deep_and_large_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<a>" * 60 + "</a>" * 60)
    with pytest.raises(DataError, match="nested too deeply"):
        read_xml(tmp_path / "a.xml")
    (tmp_path / "a.xml").write_bytes(b"<a>" + b" " * 4_000_000 + b"</a>")
    with pytest.raises(DataError, match="larger than"):
        read_xml(tmp_path / "a.xml")


def test_an_annotation_is_of_the_image_called_like_its_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _add(tmp_path, "a", ("cat", (1, 1, 10, 20)))
    file = _add(tmp_path, "b", ("dog", (5, 6, 40, 30)))
    file.write_text(file.read_text().replace("b.jpg", "a.jpg"))
    assert open_boxes(tmp_path).ids == ["a.jpg", "b.jpg"]
    (tmp_path / "JPEGImages/b.jpg").unlink()
    with pytest.raises(DataError, match=r"b\.xml: its image a\.jpg has annotations in a\.xml already"):
        open_boxes(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert open_boxes(tmp_path, on_error="skip").ids == ["a.jpg"]
    (tmp_path / "Annotations/a.xml").unlink()
    assert open_boxes(tmp_path).ids == ["a.jpg"], "named inside, and by no other"


def test_lists_of_splits_are_lines_of_text(tmp_path: Path) -> None:
    _add(tmp_path, "a b", ("cat", (1, 1, 10, 20)))
    _add(tmp_path, "c", ("cat", (1, 1, 10, 20)))
    names = tmp_path / "ImageSets/Main/train.txt"
    names.write_bytes(b"\xef\xbb\xbfa b\r\nc 1\r\n")
    assert open_boxes(tmp_path).ids == ["a b.jpg", "c.jpg"]
    names.write_bytes(b"\xe4\n")
    with pytest.raises(DataError, match=r"train\.txt is not UTF-8 text"):
        open_boxes(tmp_path)


@pytest.mark.parametrize("encoding", ["gb2312", "klingon"])
def test_an_encoding_that_cannot_be_read_is_named(encoding: str, tmp_path: Path) -> None:
    file = _add(tmp_path, "a", ("cat", (1, 1, 10, 20)))
    file.write_text(f'<?xml version="1.0" encoding="{encoding}"?>\n{file.read_text()}')
    with pytest.raises(DataError, match=r"a\.xml is in an encoding that cannot be read .*; save it in UTF-8"):
        open_boxes(tmp_path)
