"""Pictures to train an editor on are read with the same care as those to lock."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image
from PIL.PngImagePlugin import PngInfo

from spellock.editor_training.photographs import Photographs


def _open(folder: Path) -> Photographs:
    return Photographs(folder=folder, resolution=8, crops=1, seed=0)


def test_sixteen_bits_are_scaled_and_transparency_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16)).save(tmp_path / "a.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    deep, clear = _open(tmp_path).images
    assert deep.unique().tolist() == [128]
    assert clear.unique().tolist() == [255]


def _with_a_long_text() -> bytes:
    """A PNG whose compressed text is longer than Pillow takes, which it answers with a ValueError."""
    file, text = io.BytesIO(), PngInfo()
    text.add_text("words", "a" * (2 << 20), zip=True)
    Image.new("RGB", (8, 8), "teal").save(file, "PNG", pnginfo=text)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", _with_a_long_text(), b"\x89PNG"],
    ids=["a document", "a long text", "cut short"],
)
def test_what_is_no_picture_is_left_out(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> None:
        pytest.fail("another program was to be started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", started)
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(data)
    photographs = _open(tmp_path)
    assert [path.name for path in photographs.unreadable] == ["b.png"]
    assert len(photographs.images) == 1
