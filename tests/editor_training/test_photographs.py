"""Pictures to train an editor on are read with the same care as those to lock."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spellock.editor_training.photographs import Photographs


def _open(folder: Path) -> Photographs:
    return Photographs(folder=folder, resolution=8, crops=1, seed=0)


def test_sixteen_bits_are_scaled_and_transparency_is_white(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x8000, dtype=np.uint16)).save(tmp_path / "a.png")
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "b.png")
    deep, clear = _open(tmp_path).images
    assert deep.unique().tolist() == [128]
    assert clear.unique().tolist() == [255]


def _png(cut: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "PNG")
    return file.getvalue()[:cut] + bytes(40)


@pytest.mark.parametrize(
    "data",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", _png(33), _png(50)],
    ids=["a program", "no chunks", "broken chunks"],
)
def test_what_is_no_picture_is_left_out(data: bytes, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), "teal").save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(data)
    photographs = _open(tmp_path)
    assert [path.name for path in photographs.unreadable] == ["b.png"]
    assert len(photographs.images) == 1
