"""Sets that are written read back, and hold pixels only."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from spellock.data import decode_image, open_images, write_image_folder, write_parquet
from spellock.data.write_png import encode_png

from .picture_sets import picture, values


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
