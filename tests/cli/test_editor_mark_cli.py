"""`spellock editor mark` and `verify` on folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.cli.main import main
from spellock.keyfile import save_key

from ..editors.test_mark import smooth
from ..key_samples import a_key


@pytest.fixture
def work(tmp_path: Path) -> Path:
    save_key(a_key(), tmp_path / "my.key", passphrase=None, plain=True)
    save_key(a_key(secret=bytes(range(1, 33))), tmp_path / "other.key", passphrase=None, plain=True)
    (tmp_path / "plain" / "sub").mkdir(parents=True)
    for number, image in enumerate(smooth(6).permute(0, 2, 3, 1).numpy()):
        where = tmp_path / "plain" / ("sub" if number % 2 else ".")
        Image.fromarray((255 * image).round().astype(np.uint8)).save(where / f"{number}.png")
    return tmp_path


def run(work: Path, *words: str) -> int:
    return main(["editor", *(str(work / word[1:]) if word.startswith("@") else word for word in words)])


def test_marked_images_are_found(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(work, "mark", "@plain", "--key", "@my.key", "--out", "@marked") == 0
    names = sorted(path.relative_to(work / "marked").as_posix() for path in (work / "marked").rglob("*.png"))
    assert names == ["0.png", "2.png", "4.png", "sub/1.png", "sub/3.png", "sub/5.png"]
    capsys.readouterr()
    assert run(work, "verify", "@marked", "--key", "@my.key", "--inputs", "@plain") == 0
    said = capsys.readouterr().out
    assert said.startswith("MATCH (image-mark, 6 images)")
    for words, decision in (
        (("@marked", "--key", "@my.key"), "match"),
        (("@plain", "--key", "@my.key"), "no match shown"),
        (("@marked", "--key", "@other.key", "--inputs", "@plain"), "no match shown"),
    ):
        assert run(work, "verify", *words, "--json") == 0
        values = json.loads(capsys.readouterr().out)
        assert values["decision"] == decision
        assert a_key().to_dict()["secret"] not in json.dumps(values)


def test_folders_that_do_not_fit(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "empty").mkdir()
    (work / "few").mkdir()
    (work / "small").mkdir()
    for folder, side in (("few", 32), ("small", 7)):
        Image.new("RGB", (side, side)).save(work / folder / "0.png")
    for words, sentence in (
        (("mark", "@empty", "--key", "@my.key", "--out", "@out"), "holds no images"),
        (("mark", "@plain", "--key", "@my.key", "--out", "@few"), "exists"),
        (("mark", "@plain", "--key", "@my.key", "--out", "@out", "--bits", "3"), "3 bits"),
        (("verify", "@nowhere", "--key", "@my.key"), "is no folder"),
        (("verify", "@plain", "--key", "@my.key", "--inputs", "@few"), "no partner of 5 images"),
        (("verify", "@small", "--key", "@my.key"), "8 px and more"),
        (("verify", "@plain", "--key", "@my.key", "--alpha", "2"), "alpha"),
    ):
        assert run(work, *words) in (1, 2), words
        captured = capsys.readouterr()
        assert sentence in captured.err
        assert len([line for line in captured.err.splitlines() if line.startswith("spellock: ")]) == 1
        assert not captured.out
        assert not (work / "out").exists()
