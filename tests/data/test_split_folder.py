"""`spellock split` of an image folder: whole classes, nothing lost, no test image among those trained on."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from spellock.cli.main import main
from spellock.data import open_images
from spellock.data.split_folder import split_folder


def write(root: Path, counts: dict[str, int], *, same: int = 0) -> Path:
    """So many images a class, a sub-folder deep, all different but for ``same`` copies of the first."""
    draws = np.random.default_rng(0)
    first: bytes | None = None
    for name, count in counts.items():
        (root / name / "deep").mkdir(parents=True)
        for number in range(count):
            path = root / name / ("deep" if number % 2 else ".") / f"{number}.png"
            Image.fromarray(draws.integers(0, 256, (4, 4, 3), dtype=np.uint8)).save(path)
            first = first or path.read_bytes()
    for number in range(same):
        (root / next(iter(counts)) / f"same{number}.png").write_bytes(first or b"")
    return root


def test_a_folder_is_split_class_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path / "photos", {"ant": 20, "bee": 10})
    before = {path.relative_to(root): path.read_bytes() for path in root.rglob("*.png")}
    assert main(["split", str(root), "--test", "0.3", "--json"]) == 0
    out = tmp_path / "photos_split"
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "images": {"train": 21, "test": 9}}
    train, test = open_images(out), open_images(out, split="test")
    assert Counter(test.labels.tolist()) == {0: 6, 1: 3}
    assert train.classes == test.classes == ("ant", "bee")
    found = {path.relative_to(out / split): path.read_bytes() for split in ("train", "test")
             for path in (out / split).rglob("*.png")}  # fmt: skip
    assert found == before
    assert {path.relative_to(root): path.read_bytes() for path in root.rglob("*.png")} == before
    assert main(["split", str(root), "--test", "0.3"]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["split", str(root), "--out", str(tmp_path / "again"), "--test", "0.3", "--seed", "1"]) == 0
    assert open_images(tmp_path / "again", split="test").ids != test.ids


@settings(deadline=None, max_examples=15)
@given(
    ants=st.integers(2, 9), bees=st.integers(2, 9), same=st.integers(0, 4), share=st.floats(0.05, 0.95),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_nothing_is_lost_and_equal_files_stay_together(
    tmp_path_factory: pytest.TempPathFactory, ants: int, bees: int, same: int, share: float, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("split")
    root = write(folder / "photos", {"ant": ants, "bee": bees}, same=same)
    counts = split_folder(root, folder / "out", share, seed=seed)
    assert sum(counts.values()) == ants + bees + same
    contents = [{path.read_bytes() for path in (folder / "out" / split).rglob("*.png")} for split in ("train", "test")]
    assert not contents[0] & contents[1]
    for split in ("train", "test"):
        assert open_images(folder / "out", split=split).classes == ("ant", "bee")


def test_classes_below_images_keep_their_paths(tmp_path: Path) -> None:
    write(tmp_path / "set" / "images", {"s": 4, "ages": 4})
    split_folder(tmp_path / "set", tmp_path / "out", 0.5)
    before, found = (
        sorted(path.relative_to(root).as_posix() for root in roots for path in root.rglob("*.png"))
        for roots in ([tmp_path / "set" / "images"], [tmp_path / "out" / "train", tmp_path / "out" / "test"])
    )
    assert found == before


def test_where_the_disk_has_no_links_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    root = write(tmp_path / "photos", {"ant": 3, "bee": 3})
    split_folder(root, tmp_path / "out", 0.4)
    (next((tmp_path / "out" / "train").rglob("*.png"))).write_bytes(b"other")
    assert b"other" not in {path.read_bytes() for path in root.rglob("*.png")}


def test_what_cannot_be_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write(tmp_path / "photos", {"ant": 3, "bee": 1})
    (tmp_path / "empty").mkdir()
    for words, says in (
        ([str(root)], "the class 'bee'"),
        ([str(root), "--out", str(root / "inside")], "which lies in"),
        ([str(root), "--on-error", "skip"], "--on-error does nothing"),
        ([str(root), "--test", "1"], "above 0 and below 1"),
        ([str(tmp_path / "empty")], "it is empty"),
        ([str(tmp_path / "none")], "none"),
    ):
        assert main(["split", *words]) in (1, 2)
        assert says in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "photos"]
    write(tmp_path / "ready" / "train", {"ant": 2, "bee": 2})
    assert main(["split", str(tmp_path / "ready")]) == 1
    assert "has splits already" in capsys.readouterr().err
