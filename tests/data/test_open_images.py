"""Folders, parquet, saved and hub data sets, torchvision objects: all open lazily as the same kind of set."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset

from spellock.data import check_trainable, decode_image, numpy_images, open_images, write_image_folder, write_parquet
from spellock.data.write_png import encode_png
from spellock.errors import ConfigError, DataError, MissingExtraError


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


def test_image_folder(tmp_path) -> None:
    make_folder(tmp_path, {"dog": 2, "cat": 3})
    (tmp_path / "cat" / "deeper").mkdir()
    (tmp_path / "cat" / "deeper" / "X.JPG").write_bytes(encode_png(picture(9)))
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    images = open_images(tmp_path)
    assert images.classes == ("cat", "dog")
    assert images.ids == ["cat/0.png", "cat/1.png", "cat/2.png", "cat/deeper/X.JPG", "dog/0.png", "dog/1.png"]
    assert images.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert images.labels.dtype == np.int64
    assert values(images) == [2, 3, 4, 9, 0, 1]
    part = images.subset([5, 0])
    assert (part.ids, part.labels.tolist(), values(part)) == (["dog/1.png", "cat/0.png"], [1, 0], [1, 2])
    assert open_images(images) is images


def test_folder_links_do_not_loop(tmp_path) -> None:
    make_folder(tmp_path, {"dog": 2, "cat": 3})
    (tmp_path / "cat" / "again").symlink_to(tmp_path / "cat")
    assert len(open_images(tmp_path)) == 5


def test_folder_with_splits(tmp_path) -> None:
    make_folder(tmp_path / "train", {"a": 2, "b": 1})
    make_folder(tmp_path / "val", {"a": 1, "b": 1})
    assert len(open_images(tmp_path)) == 3
    assert open_images(str(tmp_path), split="val").ids == ["val/a/0.png", "val/b/0.png"]
    with pytest.raises(DataError, match="no split 'test'; it has train, val"):
        open_images(tmp_path, split="test")
    (tmp_path / "train").rename(tmp_path / "test")
    with pytest.raises(DataError, match="say which"):
        open_images(tmp_path)


def test_opening_decodes_nothing(tmp_path, monkeypatch) -> None:
    make_folder(tmp_path / "folder", {"a": 2, "b": 1})
    pq.write_table(make_table([1, 2], [0, 1]), tmp_path / "t.parquet")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr(Image, "open", never)
    assert len(open_images(tmp_path / "folder")) == 3
    assert len(open_images(tmp_path / "t.parquet")) == 2


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
    for index in [*range(300), 3, 299, 0]:
        assert rows[index]["path"] == f"{index % 256}.png"
        assert rows._bytes <= 20_000
    assert rows._bytes == sum(batch.nbytes for batch in rows._kept.values())


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
    for index in (1, 2):
        with pytest.raises(DataError, match="outside of"):
            images.open(index)
    with pytest.raises(DataError, match=r"x\.parquet row 3 holds no image"):
        images.open(3)


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


class Pairs:
    """What torchvision data sets look like."""

    def __init__(self, size: int = 6, **attributes: object) -> None:
        self.size = size
        self.opened = 0
        for name, value in attributes.items():
            setattr(self, name, value)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[object, int]:
        self.opened += 1
        return Image.fromarray(picture(index)), index % 2


def test_torchvision_objects() -> None:
    whole = Pairs(targets=[0, 1, 0, 1, 0, 1], classes=["cat", "dog"])
    images = open_images(whole)
    assert whole.opened == 0
    assert (images.classes, images.labels.tolist(), values(images)) == (("cat", "dog"), [0, 1] * 3, [0, 1, 2, 3, 4, 5])
    part = open_images(Subset(whole, [3, 0]))
    assert (part.classes, part.labels.tolist(), values(part)) == (("cat", "dog"), [1, 0], [3, 0])
    tensor = open_images(Pairs(targets=torch.tensor([0, 1] * 3)))
    assert tensor.classes == ("0", "1")
    assert open_images(Pairs()).labels.tolist() == [0, 1] * 3
    assert open_images([(Image.new("L", (2, 2)), 0), (Image.new("L", (2, 2)), 1)]).classes == ("0", "1")


def test_torchvision_fake_data_with_transform() -> None:
    from torchvision.datasets import FakeData
    from torchvision.transforms import ToTensor

    assert open_images(FakeData(4, (3, 8, 8), 2)).open(0).size == (8, 8)
    with pytest.raises(DataError, match="without a transform"):
        open_images(FakeData(4, (3, 8, 8), 2, transform=ToTensor())).open(0)


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        (Pairs(0), "holds no images"),
        (Pairs(targets=[[0, 1]] * 6), "not one integer"),
        (Pairs(targets=[0, 1]), "6 items but 2 labels"),
        (["abc", "def"], "expected pairs"),
        (object(), "expected a folder"),
    ],
)
def test_objects_of_another_kind_are_refused(pairs, reason) -> None:
    with pytest.raises(DataError, match=reason):
        open_images(pairs)


def test_missing_empty_and_odd_places(tmp_path) -> None:
    cases = {
        tmp_path / "missing": "does not exist",
        str(tmp_path / "x.parquet"): "does not exist",
        "nowhere_at_all": "does not exist",
    }
    (tmp_path / "empty").mkdir()
    cases[tmp_path / "empty"] = "it is empty"
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.png").write_bytes(encode_png(picture(1)))
    cases[tmp_path / "flat"] = "no class sub-folders"
    (tmp_path / "bare" / "cat").mkdir(parents=True)
    cases[tmp_path / "bare"] = "no images in them"
    (tmp_path / "list.csv").write_text("a,b")
    cases[tmp_path / "list.csv"] = "not a readable parquet file"
    for source, reason in cases.items():
        with pytest.raises(DataError, match=reason) as caught:
            open_images(source)
        assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="on_error"):
        open_images(tmp_path, on_error="ignore")
    with pytest.raises(ConfigError, match="max_pixels"):
        open_images(tmp_path, max_pixels=0)


def test_sets_that_no_classifier_can_be_trained_on(tmp_path) -> None:
    for number, (classes, reason) in enumerate(
        [
            ({"a": 3}, "one class only"),
            ({"a": 3, "b": 1, "c": 0}, "no images of class 'c'"),
            ({"a": 1, "b": 1, "c": 0}, "2 images for 3 classes"),
        ]
    ):
        with pytest.raises(DataError, match=reason):
            check_trainable(open_images(make_folder(tmp_path / str(number), classes)))
    check_trainable(open_images(make_folder(tmp_path / "good", {"a": 1, "b": 1})))


def test_broken_images_are_named_and_skipped_or_fatal(tmp_path, caplog) -> None:
    make_folder(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "1.png").write_bytes(b"junk")
    strict, lenient = open_images(tmp_path), open_images(tmp_path, on_error="skip")
    with pytest.raises(DataError, match=r"a/1\.png"):
        list(strict.decoded())
    assert [index for index, _ in lenient.decoded()] == [0, 2, 3]
    assert "a/1.png" in caplog.text
    assert lenient.readable().ids == ["a/0.png", "b/0.png", "b/1.png"]
    (tmp_path / "b" / "0.png").write_bytes(encode_png(np.zeros((20, 20, 3), np.uint8)))
    with pytest.raises(DataError, match="more than the 100 allowed"):
        open_images(tmp_path, max_pixels=100).open(2)


def test_numpy_images() -> None:
    images = numpy_images(np.stack([picture(n) for n in range(4)]), [0, 1, 1, 0], ["a", "b"], name="mine")
    assert (images.ids[3], values(images)) == ("mine#3", [0, 1, 2, 3])
    assert numpy_images(np.zeros((2, 4, 4), np.uint8), [0, 1], ["a", "b"]).open(0).mode == "RGB"
    for arrays, labels, reason in [
        (np.zeros((2, 4, 4, 3)), [0, 1], "expected uint8"),
        (np.zeros((2, 3, 4, 4), np.uint8), [0, 1], "expected .N, H, W, 3."),
        (np.zeros((2, 0, 4), np.uint8), [0, 1], "at least one pixel"),
        (np.zeros((2, 4, 4), np.uint8), [0], "2 images, 1 labels"),
        (np.zeros((2, 4, 4), np.uint8), [0, 2], "expected 0 to 1"),
    ]:
        with pytest.raises(DataError, match=reason):
            numpy_images(arrays, labels, ["a", "b"])


@pytest.mark.parametrize("layout", ["folder", "parquet"])
def test_written_sets_read_back(tmp_path, layout) -> None:
    rows = [(f"{number:02d}", number % 2, encode_png(picture(number))) for number in range(30)]
    if layout == "folder":
        write_image_folder(tmp_path / "out", iter(rows), ["cat", "dog"])
        images = open_images(tmp_path / "out")
    else:
        write_parquet(tmp_path / "out.parquet", iter(rows), ["cat", "dog"])
        images = open_images(tmp_path / "out.parquet")
    assert images.classes == ("cat", "dog")
    found = sorted(zip(values(images), images.labels.tolist(), strict=True))
    assert found == [(number, number % 2) for number in range(30)]


def test_encoder_writes_pixels_only() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 5, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(decode_image(encode_png(image), name="x")), image)
    assert not Image.open(io.BytesIO(encode_png(image))).info


def test_real_parquet(shared_data) -> None:
    images = open_images(shared_data / "cifar10", split="test")
    assert (len(images), images.classes[3], images.open(3999).size) == (4000, "cat", (32, 32))
    assert np.bincount(images.labels).tolist() == [400] * 10
