"""Every kind of image becomes upright 8-bit RGB; broken, empty and huge ones are named."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from spellock.data import decode_image
from spellock.errors import DataError


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def pixels(source: bytes | Path | Image.Image) -> np.ndarray:
    image = decode_image(source, name="picture")
    assert image.mode == "RGB"
    assert not image.info
    return np.asarray(image)


COLOURS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def test_rgb_png_is_exact() -> None:
    assert np.array_equal(pixels(encoded(Image.fromarray(COLOURS))), COLOURS)


def test_grey_and_bilevel_become_three_equal_channels() -> None:
    grey = COLOURS[..., 0]
    assert np.array_equal(pixels(encoded(Image.fromarray(grey))), np.repeat(grey[..., None], 3, -1))
    bits = Image.fromarray(grey > 127)
    assert bits.mode == "1"
    assert np.array_equal(pixels(encoded(bits))[..., 1], np.where(grey > 127, 255, 0))


def test_palette_with_and_without_transparency() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert pixels(encoded(image)).tolist() == [[[255, 0, 0], [0, 0, 255]]]
    assert pixels(encoded(image, transparency=1)).tolist() == [[[255, 0, 0], [255, 255, 255]]]


@pytest.mark.parametrize("alpha", [0, 51, 255])
def test_transparency_is_laid_on_white(alpha: int) -> None:
    image = Image.new("RGBA", (3, 2), (10, 100, 200, alpha))
    expected = np.array([10, 100, 200]) * alpha / 255 + 255 * (1 - alpha / 255)
    assert np.abs(pixels(encoded(image))[0, 0] - expected).max() <= 1
    light = Image.new("LA", (2, 2), (40, alpha))
    assert abs(int(pixels(encoded(light))[0, 0, 0]) - (40 * alpha / 255 + 255 - alpha)) <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_by_the_mode_not_the_image(kind: str) -> None:
    values = np.array([[0, 257, 1000, 32768, 65535]], dtype=np.uint16)
    expected = np.rint(values / 65535 * 255)
    assert np.array_equal(pixels(encoded(Image.fromarray(values), kind))[..., 0], expected)
    dark = np.full((2, 2), 514, np.uint16)  # a dark image stays dark
    assert pixels(encoded(Image.fromarray(dark), kind)).max() == 2


def test_the_transparent_grey_of_sixteen_bits_is_laid_on_white() -> None:
    values = np.array([[0, 1000, 1001], [999, 1000, 65535]], dtype=np.uint16)
    image = encoded(Image.fromarray(values))
    end = image.index(b"IDAT") - 4
    colour_key = b"tRNS" + struct.pack(">H", 1000)
    chunk = struct.pack(">I", 2) + colour_key + struct.pack(">I", zlib.crc32(colour_key))
    assert pixels(image[:end] + chunk + image[end:])[..., 0].tolist() == [[0, 255, 4], [4, 255, 255]]
    assert pixels(image)[..., 0].tolist() == [[0, 4, 4], [4, 4, 255]]


def png(depth: int, colour: int, width: int, row: bytes, transparent: tuple[int, ...] = ()) -> bytes:
    """A PNG of one row, written by hand: Pillow writes neither few greys nor deep colours."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    clear = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + clear + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("depth", "row", "step"), [(2, b"\x1b", 85), (4, b"\x03\xcf", 17)])
def test_the_transparent_one_of_few_greys_is_laid_on_white(depth: int, row: bytes, step: int) -> None:
    greys = [step * value for value in ((0, 1, 2, 3) if depth == 2 else (0, 3, 12, 15))]
    assert pixels(png(depth, 0, 4, row))[0, :, 0].tolist() == greys
    for place, grey in enumerate(greys):
        white = [255 if other == place else one for other, one in enumerate(greys)]
        assert pixels(png(depth, 0, 4, row, (grey // step,)))[0, :, 0].tolist() == white


def test_the_transparent_colour_of_eight_bits_is_laid_on_white() -> None:
    assert pixels(png(8, 2, 2, bytes(range(6)), (3, 4, 5)))[0].tolist() == [[0, 1, 2], [255, 255, 255]]


def test_a_transparent_colour_of_sixteen_bits_is_refused() -> None:
    """Of the first colour Pillow keeps what the second names as transparent."""
    row = struct.pack(">6H", 768, 1792, 2816, 3, 7, 11)
    for clear in ((3, 7, 11), (768, 1792, 2816)):
        with pytest.raises(DataError, match="16 bits a channel and names a transparent colour"):
            pixels(png(16, 2, 2, row, clear))
    assert pixels(png(16, 2, 2, row))[0].tolist() == [[3, 7, 11], [0, 0, 0]]


def test_deep_integers_and_floats_have_stated_ranges() -> None:
    assert pixels(Image.fromarray(np.array([[0, 65535]], np.int32)))[..., 0].tolist() == [[0, 255]]
    assert pixels(Image.fromarray(np.array([[0.0, 0.5, 1.0]], np.float32)))[..., 0].tolist() == [[0, 128, 255]]
    with pytest.raises(DataError, match="expected 0 to 65535"):
        pixels(Image.fromarray(np.array([[70000]], np.int32)))
    for bad in (2.0, np.nan):
        with pytest.raises(DataError, match=r"expected \[0, 1\]"):
            pixels(Image.fromarray(np.array([[bad]], np.float32)))


def test_cmyk_jpeg() -> None:
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert np.abs(pixels(encoded(image, "JPEG", quality=95))[4, 4].astype(int) - [255, 0, 0]).max() <= 8


def test_exif_rotation_is_applied() -> None:
    image = Image.new("RGB", (16, 8))
    image.paste((255, 255, 255), (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it a quarter turn clockwise
    turned = pixels(encoded(image, "JPEG", exif=exif))
    assert turned.shape == (16, 8, 3)
    assert turned[:6].min() > 200
    assert turned[10:].max() < 55


def test_open_image_is_not_changed() -> None:
    image = Image.fromarray(COLOURS)
    image.info["comment"] = "mine"
    result = decode_image(image, name="picture")
    assert image.info == {"comment": "mine"}
    assert result is not image


def header_of(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + start + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("size", [(10001, 10000), (60000, 60000)])
def test_bombs_are_refused_by_their_header(size: tuple[int, int]) -> None:
    with pytest.raises(DataError, match=r"picture is (\d+x\d+ pixels|too large)") as caught:
        decode_image(header_of(*size), name="picture")
    assert "\n" not in str(caught.value)


def test_limit_can_be_set() -> None:
    assert decode_image(encoded(Image.new("RGB", (10, 10))), name="picture", max_pixels=100).size == (10, 10)
    with pytest.raises(DataError, match="more than the 99 allowed"):
        decode_image(encoded(Image.new("RGB", (10, 10))), name="picture", max_pixels=99)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (0, 0)])
def test_zero_size_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(DataError, match="picture"):
        decode_image(header_of(*size), name="picture")
    with pytest.raises(DataError, match="at least 1x1"):
        decode_image(Image.new("RGB", size), name="picture")


def test_missing_empty_and_foreign_files(tmp_path) -> None:
    with pytest.raises(DataError, match=r"a\.png does not exist"):
        decode_image(tmp_path / "a.png", name="a.png")
    (tmp_path / "b.png").touch()
    with pytest.raises(DataError, match=r"b\.png is empty"):
        decode_image(tmp_path / "b.png", name="b.png")
    with pytest.raises(DataError, match="is empty"):
        decode_image(b"", name="row 3")
    with pytest.raises(DataError, match="not an image"):
        decode_image(b"%!PS-Adobe-3.0 EPSF-3.0\n", name="c.eps")
    with pytest.raises(DataError, match="folder"):
        decode_image(tmp_path, name="folder")


WHOLE = {
    kind: encoded(Image.fromarray(COLOURS.repeat(8, 0).repeat(8, 1)), kind)
    for kind in ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF"])
def test_truncated_images_are_errors(kind: str) -> None:
    with pytest.raises(DataError, match="picture"):
        decode_image(WHOLE[kind][: len(WHOLE[kind]) // 2], name="picture")


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.data())
def test_whatever_is_broken_there_is_an_image_or_a_data_error(kind: str, data: st.DataObject) -> None:
    broken = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, min(len(broken), 300) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(broken)))
    problem = "picture"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            decode_image(bytes(broken[:cut]), name="picture", max_pixels=1_000_000)
        except DataError as error:
            problem = str(error)
    assert "picture" in problem
    assert "\n" not in problem


def _tag(number: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI", number, kind, count) + value.ljust(4, b"\0")


@pytest.mark.parametrize("orientation", range(10))
def test_every_orientation_is_turned_as_pillow_does(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x112] = orientation
    data = encoded(Image.fromarray(COLOURS), "PNG", exif=exif.tobytes())
    with Image.open(io.BytesIO(data)) as image:
        assert np.array_equal(pixels(data), np.asarray(ImageOps.exif_transpose(image)))


def test_a_wrong_tag_beside_the_orientation_does_no_harm() -> None:
    resolution = _tag(0x11A, 2, 3, b"abc")  # text, where a fraction is due
    table = b"II*\0\x08\0\0\0\x02\0" + _tag(0x112, 3, 1, b"\x06") + resolution + bytes(4)
    data = encoded(Image.fromarray(COLOURS), "JPEG", quality=95, exif=b"Exif\0\0" + table)
    assert pixels(data).shape == (7, 5, 3)
