"""`spellock split`: a table without splits gets some, which lock and evaluate then go by."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from spellock.cli.main import main
from spellock.data import open_labels

from .label_samples import write_images, write_numbered


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Forty images of ten patients, one finding in half of them; an empty line, and a column that nobody reads."""
    names = [f"{number}.png" for number in range(40)]
    write_images(tmp_path / "images", names)
    rows = [f'{name},p{place // 4},{place % 2},"a, b"' for place, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,patient,Edema,note", *rows[:5], "", *rows[5:]]) + "\n")
    return tmp_path / "labels.csv"


def test_whole_patients_are_held_back(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = table.read_bytes()
    assert main(["split", str(table), "--test", "0.2", "--json"]) == 0
    out = table.with_name("labels_split.csv")
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "images": {"train": 32, "test": 8}}
    assert table.read_bytes() == before
    train, test = (open_labels(out, split=split) for split in ("train", "test"))
    assert train.patients is not None
    assert test.patients is not None
    assert (len(set(train.patients)), len(set(test.patients))) == (8, 2)
    assert sorted(train.ids + test.ids) == sorted(open_labels(table).ids)
    assert {row["note"] for row in csv.DictReader(out.open())} == {"a, b"}


def test_the_seed_decides(table: Path) -> None:
    found = []
    for seed in (0, 0, 1):
        out = table.with_name(f"{len(found)}.csv")
        assert main(["split", str(table), "--seed", str(seed), "--out", str(out)]) == 0
        found.append(out.read_bytes())
    assert found[0] == found[1] != found[2]


def test_bad_rows_stop_or_are_left_out(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_text(table.read_text() + "lost.png,p9,1,x\n")
    assert main(["split", str(table)]) == 1
    assert "'lost.png' is missing" in capsys.readouterr().err
    assert main(["split", str(table), "--on-error", "skip"]) == 0
    assert "lost.png" not in table.with_name("labels_split.csv").read_text()


def test_pictures_in_a_parquet_file_go_along(tmp_path: Path) -> None:
    owners = [f"p{number // 2}" for number in range(20)]
    file = write_numbered(tmp_path, [[number % 3] for number in range(20)], patient=owners)
    out = tmp_path / "two.parquet"
    assert main(["split", str(file), "--test", "0.3", "--out", str(out)]) == 0
    test = open_labels(out, split="test")
    assert len(test) == 6
    assert test.classes == ("A", "B", "C")
    assert test.open(0).size == (4, 4)
    assert pq.read_table(out)["image"].equals(pq.read_table(file)["image"])


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--test", "1"], 2, "expected a share above 0 and below 1"),
        (["--test", "0.01"], 1, "too few patients for a split 'test'"),
        (["--out", "elsewhere/labels.csv"], 2, "the images of a table are looked for beside it"),
        (["--out", "labels.parquet"], 2, "expected a name that ends with .csv"),
    ],
)
def test_what_does_not_fit_is_refused(
    table: Path, words: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["split", str(table), *words]) == code
    assert message in capsys.readouterr().err
    assert not table.with_name("labels_split.csv").exists()


def test_neither_a_table_with_splits_nor_an_existing_file_is_taken(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["split", str(table)]) == 0
    assert main(["split", str(table)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["split", str(table.with_name("labels_split.csv"))]) == 1
    assert "has splits already" in capsys.readouterr().err
    assert main(["split", str(table.parent)]) == 1
    assert "name the table itself" in capsys.readouterr().err
