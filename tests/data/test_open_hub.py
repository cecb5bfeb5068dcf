"""Data sets of the Hugging Face library: saved to disk, and from the hub."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from spellock.data import open_images
from spellock.data.write_png import encode_png
from spellock.errors import DataError, MissingExtraError, MissingSplitError

from .picture_sets import make_table, picture, values


def save_to_disk(folder: Path, table: pa.Table, parts: int = 2) -> None:
    """The layout of datasets.Dataset.save_to_disk: Arrow streams named in state.json."""
    folder.mkdir(parents=True)
    files = []
    for part in range(parts):
        name = f"data-{part:05d}-of-{parts:05d}.arrow"
        rows = table.slice(part * len(table) // parts, len(table) // parts)
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, rows.schema) as writer:
            writer.write_table(rows)
        files.append({"filename": name})
    (folder / "state.json").write_text(json.dumps({"_data_files": files, "_split": "train"}))
    (folder / "dataset_info.json").write_text("{}")


def test_saved_dataset_needs_no_extra(tmp_path) -> None:
    save_to_disk(tmp_path / "one", make_table([1, 2, 3, 4], [0, 1, 0, 1], names=["a", "b"]))
    images = open_images(tmp_path / "one")
    assert (values(images), images.classes) == ([1, 2, 3, 4], ("a", "b"))
    assert len(open_images(tmp_path / "one", split="train")) == 4
    with pytest.raises(MissingSplitError, match="no split 'test'; it was saved as train"):
        open_images(tmp_path / "one", split="test")
    for split in ("train", "test"):
        save_to_disk(tmp_path / "many" / split, make_table([len(split)] * 2, [0, 1]))
    (tmp_path / "many" / "dataset_dict.json").write_text(json.dumps({"splits": ["train", "test"]}))
    assert values(open_images(tmp_path / "many", split="test")) == [4, 4]
    (tmp_path / "one" / "data-00001-of-00002.arrow").write_bytes(b"junk")
    with pytest.raises(DataError, match="cannot read the Arrow files"):
        open_images(tmp_path / "one")


def test_hub_id_needs_the_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtraError, match=r"spellock\[hub\]"):
        open_images("someone/pets")


def test_hub_id(monkeypatch, tmp_path) -> None:
    (tmp_path / "cached").write_bytes(encode_png(picture(2)))  # sets of image files are tables of paths into the cache
    cells = [{"bytes": encode_png(picture(1)), "path": "1.png"}, {"bytes": None, "path": str(tmp_path / "cached")}]
    table = pa.table({"image": cells, "label": [0, 1]})
    typed = make_table([1, 2], [0, 1], names=["a", "b"])

    def load_dataset(name: str, *, split: str) -> object:
        if name != "someone/pets":
            raise FileNotFoundError("no such data set\nand a long trace")
        assert split == "train"
        features = SimpleNamespace(arrow_schema=typed.schema)
        return SimpleNamespace(data=SimpleNamespace(table=table), features=features, _indices=None)

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
    images = open_images("someone/pets")
    assert (values(images), images.classes) == ([1, 2], ("a", "b"))
    assert len(open_images("hf://someone/pets")) == 2
    with pytest.raises(DataError, match=r"cannot load someone/cars.*no such data set; check") as caught:
        open_images("someone/cars")
    assert "\n" not in str(caught.value)
