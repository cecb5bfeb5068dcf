"""Turn whatever an image file holds into plain 8-bit RGB, or say in one sentence why not."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from spellock.errors import DataError

#: Images with more pixels are refused before they are decoded (100 megapixels are 300 MB of RGB).
MAX_PIXELS: Final = 100_000_000
# Formats that Pillow decodes itself. Left out on purpose: those that start another program (EPS) or are documents.
_FORMATS: Final = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF", "TGA", "ICO", "QOI")
#: What brings an image of an EXIF orientation upright.
_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")
#: Greys of 2 and 4 bits, which Pillow spreads over 0 to 255 but for the transparent one.
_FEW_GREYS: Final = {"L;2": 85, "L;4": 17}


def decode_image(source: bytes | Path | Image.Image, *, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode to mode RGB, 8 bits a channel, upright, without any metadata.

    Grey and palette become RGB; transparency is laid on white; CMYK is converted; EXIF rotation is applied; 16-bit grey
    is scaled by the range of its mode (0 to 65535), never by the range of the image; 32-bit float is taken as [0, 1].
    Of an animation the first frame is taken.

    Args:
        source: encoded bytes, a file, or an open Pillow image (which is left as it is).
        name: what to call the image in errors.
        max_pixels: larger images are refused by their header, before decoding. Pillow's own limit
            (``PIL.Image.MAX_IMAGE_PIXELS``) holds as well.

    Raises:
        DataError: the image is missing, empty, zero-size, too large, truncated, or of a kind that is not understood.
    """
    if isinstance(source, bytes) and not source:
        raise DataError(f"{name} is empty (0 bytes), expected an image; remove it or fetch it again")
    try:
        if isinstance(source, Image.Image):
            return _to_rgb(source, name, max_pixels)
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=_formats()) as image:
            return _to_rgb(image, name, max_pixels)
    except DataError:
        raise
    except Image.DecompressionBombError as error:
        raise DataError(f"{name} is too large to decode safely ({error}); scale it down or leave it out") from error
    except FileNotFoundError as error:
        raise DataError(f"{name} does not exist; check the path") from error
    except UnidentifiedImageError as error:
        if isinstance(source, Path) and not source.stat().st_size:
            raise DataError(f"{name} is empty (0 bytes), expected an image; remove it or fetch it again") from error
        raise DataError(f"{name} is not an image of a known format; remove it or convert it to PNG or JPEG") from error
    except (
        Exception
    ) as error:  # a broken file makes Pillow's readers raise nearly anything: OSError, ValueError, struct.error, ...
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{name} cannot be decoded ({reason}); remove it, fetch it again, or skip such images (--on-error skip)"
        ) from error


@lru_cache(maxsize=1)
def _formats() -> list[str]:
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _to_rgb(image: Image.Image, name: str, max_pixels: int) -> Image.Image:
    width, height = image.size
    if width <= 0 or height <= 0:
        raise DataError(f"{name} is {width}x{height} pixels, expected at least 1x1; remove it")
    if width * height > max_pixels:
        raise DataError(
            f"{name} is {width}x{height} pixels, more than the {max_pixels} allowed; scale it down or raise max_pixels"
        )
    stored = _stored_as(image)
    image.load()  # some formats have their tags behind the pixels
    # Not Pillow's exif_transpose, which writes the other tags anew and fails where one of them is wrong.
    turn = _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    upright = image if turn is None else image.transpose(turn)
    rgb = _flatten(upright, stored, name)
    if rgb is image:
        rgb = image.copy()
    rgb.load()
    rgb.info = {}
    return rgb


def _stored_as(image: Image.Image) -> str:
    """How a PNG that is not decoded yet holds its pixels, in Pillow's words; empty for others."""
    tiles = getattr(image, "tile", None)
    return str(tiles[0][3]) if image.format == "PNG" and tiles else ""


def _flatten(image: Image.Image, stored: str, name: str) -> Image.Image:
    mode, clear = image.mode, image.info.get("transparency")
    if mode in _SIXTEEN_BIT or mode in ("I", "F"):
        return _deep_grey(image, name).convert("RGB")
    if mode == "RGB" and isinstance(clear, tuple) and (stored == "RGB;16B" or max(clear) > 255):
        # Of its channels Pillow keeps 8 bits, by which other colours would be transparent too, or none.
        raise DataError(
            f"{name} has 16 bits a channel and names a transparent colour, which cannot be told from others; save it "
            "with an alpha channel, or with 8 bits a channel"
        )
    if stored in _FEW_GREYS and clear is not None:
        grey = np.array(image)
        grey[grey == clear * _FEW_GREYS[stored]] = 255
        return Image.fromarray(grey).convert("RGB")
    if mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image if mode == "RGB" else image.convert("RGB")


def _deep_grey(image: Image.Image, name: str) -> Image.Image:
    values = np.asarray(image)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # also catches NaN
            raise DataError(
                f"{name} holds floats in [{values.min():.3g}, {values.max():.3g}], expected [0, 1]; rescale it or "
                "save it as 8-bit PNG"
            )
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))
    # Mode "I" is 32 bits wide, but what files store in it are 16-bit greys.
    if values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"{name} holds integers in [{values.min()}, {values.max()}], expected 0 to 65535; save it as 8- or "
            "16-bit PNG"
        )
    grey = ((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    # A PNG may name one of the 65536 greys as transparent; its neighbours, of the same 8 bits, are not.
    grey[values == image.info.get("transparency", -1)] = 255
    return Image.fromarray(grey)
