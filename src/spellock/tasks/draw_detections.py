"""Pictures with boxes, masks and names drawn on them."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from spellock.data.annotation import Annotation
from spellock.tasks.detections import Detections

Pixels = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
#: Colours that are told apart with any kind of colour vision (Okabe and Ito), one a category, again from the first.
_COLOURS: Final = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167), (240, 228, 66))
_INK: Final = 0.4
_SIDE: Final = 320
_GAP: Final = 8
_HEAD: Final = 24
#: With more objects than this names would hide them: then only how many there are of each category is written.
_MOST_NAMED: Final = 10
#: Letters and lines by the picture's shorter side, which may be of any size.
_SMALLEST_FONT, _FONT_PART, _LINE_PART = 10, 26, 220

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw_objects(
    image: Pixels, found: Detections | Annotation, classes: Sequence[str], *, least: float = 0.5
) -> Pixels:
    """Draw what is in an image, or was found there with a score of at least ``least``.

    Up to ten objects have their names and scores (in percent); of more there is a list of how many of each category.

    Args:
        image: uint8 (H, W, 3) of any size; objects are scaled to it.
        classes: names of the categories.

    Returns:
        uint8 (H, W, 3).
    """
    size = (image.shape[0], image.shape[1])
    shown = (found.above(least) if isinstance(found, Detections) else found).scaled(size)
    pixels = image.astype(np.float64)
    for mask, label in zip(shown.masks or (), shown.labels.tolist(), strict=False):
        inside = mask.decode()
        pixels[inside] = (1 - _INK) * pixels[inside] + _INK * np.array(_colour(label))
    picture = Image.fromarray(np.rint(pixels).astype(np.uint8))
    pen, line = ImageDraw.Draw(picture), max(1, min(size) // _LINE_PART)
    font = ImageFont.load_default(max(_SMALLEST_FONT, min(size) // _FONT_PART))
    for place, label in enumerate(shown.labels.tolist()):
        left, top, right, bottom = shown.boxes[place].tolist()
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=_colour(label), width=line)
    # All names lie above all boxes.
    for label, text, corner in _texts(shown, classes, font):
        _write(pen, text, corner, size, font, _colour(label))
    return np.asarray(picture)


def _texts(
    shown: Detections | Annotation, classes: Sequence[str], font: Font
) -> Iterator[tuple[int, str, tuple[float, float]]]:
    """Category, words, and the lower left corner of where they go."""
    height = _height(font)
    if len(shown.labels) <= _MOST_NAMED:
        for place, label in enumerate(shown.labels.tolist()):
            score = f" {100 * shown.scores[place]:.0f}" if isinstance(shown, Detections) else ""
            yield label, f"{classes[label]}{score}", (float(shown.boxes[place, 0]), float(shown.boxes[place, 1]))
        return
    for row, label in enumerate(np.unique(shown.labels).tolist(), 1):
        yield label, f"{int((shown.labels == label).sum())} {classes[label]}", (0.0, float(row * height))


def _write(
    pen: ImageDraw.ImageDraw, text: str, corner: tuple[float, float], size: tuple[int, int], font: Font, colour: Colour
) -> None:
    """Black words on a patch of the category's colour, moved into the picture where they would leave it."""
    # The default font knows Latin letters only; others become question marks rather than errors.
    words = text.encode("latin-1", "replace").decode("latin-1")
    width, height = pen.textlength(words, font=font) + 4, _height(font)
    left = max(0.0, min(corner[0], size[1] - width))
    top = max(0.0, min(corner[1] - height, size[0] - height))
    pen.rectangle((left, top, left + width - 1, top + height - 1), fill=colour)
    pen.text((left + 2, top + height / 2), words, fill=(0, 0, 0), font=font, anchor="lm")


def _height(font: Font) -> int:
    letters: float = getattr(font, "size", _SMALLEST_FONT)
    return round(1.3 * letters)


def at_sheet_size(image: Pixels) -> Pixels:
    """A picture enlarged or reduced to the sheet's 320 px, for lines and letters to be drawn at that size."""
    factor = _SIDE / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def side_by_side(titles: Sequence[str], rows: Sequence[Sequence[Pixels]]) -> bytes:
    """A PNG of pictures in columns under ``titles``, each at most 320 px (`at_sheet_size`) and rows as high as their
    pictures; the same input gives the same bytes."""
    heights = [max(picture.shape[0] for picture in pictures) for pictures in rows]
    size = ((_SIDE + _GAP) * len(titles) + _GAP, _HEAD + sum(heights) + _GAP * len(rows))
    sheet = Image.new("RGB", size, (255, 255, 255))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for column, title in enumerate(titles):
        pen.text((_GAP + column * (_SIDE + _GAP), 3), title, fill=(20, 20, 20), font=font)
    top = _HEAD
    for pictures, height in zip(rows, heights, strict=True):
        for column, picture in enumerate(pictures):
            sheet.paste(Image.fromarray(picture), (_GAP + column * (_SIDE + _GAP), top))
        top += height + _GAP
    data = io.BytesIO()
    sheet.save(data, format="PNG")
    return data.getvalue()


def _colour(label: int) -> Colour:
    return _COLOURS[label % len(_COLOURS)]
