"""A picture of what was done: rows of the same images, raw, edited and, where there are any, some decoys."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_TILE: Final = 144
_GAP: Final = 6
_MARGIN: Final = 86
_CAPTION: Final = 22
_INK: Final = (20, 20, 20)


def contact_sheet(rows: Sequence[tuple[str, Sequence[tuple[npt.NDArray[np.uint8], str]]]]) -> bytes:
    """Draw titled rows of (uint8 (H, W, 3) image, caption) tiles and return a PNG; the same input gives the same bytes.

    A caption that all tiles of a row share is written once under all of them, however long it is.
    """
    columns = max(len(tiles) for _, tiles in rows)
    step, height = _TILE + _GAP, _TILE + _CAPTION + _GAP
    sheet = Image.new("RGB", (_MARGIN + columns * step + _GAP, len(rows) * height + _GAP), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for row, (title, tiles) in enumerate(rows):
        top = _GAP + row * height
        draw.text((_GAP, top + _TILE // 2 - 8), title, fill=_INK, font=font)
        captions = [caption for _, caption in tiles]
        room = _TILE
        if len(set(captions)) == 1:
            captions[1:], room = [""] * (len(tiles) - 1), len(tiles) * step - _GAP
        for column, (pixels, _) in enumerate(tiles):
            left = _MARGIN + column * step
            # Small images keep their pixels visible, large ones are scaled down.
            resample = Image.Resampling.NEAREST if pixels.shape[0] <= _TILE else Image.Resampling.LANCZOS
            sheet.paste(Image.fromarray(pixels).resize((_TILE, _TILE), resample), (left, top))
            draw.text((left, top + _TILE + 2), _fit(captions[column], font, room), fill=_INK, font=font)
    buffer = io.BytesIO()
    sheet.save(buffer, format="PNG")
    return buffer.getvalue()


def _fit(caption: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """As much of a caption as there is ``room`` for, in pixels."""
    text = whole = _latin(caption)
    while text and font.getlength(text if text == whole else f"{text}...") > room:
        text = text[:-1]
    return text if text == whole else f"{text.rstrip()}..."


def _latin(text: str) -> str:
    # The default font knows Latin letters only; others become question marks rather than errors.
    return text.encode("latin-1", "replace").decode("latin-1")
