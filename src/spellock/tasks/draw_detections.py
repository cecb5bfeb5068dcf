"""Pictures with boxes, masks and names drawn on them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from spellock.data.annotation import Annotation
from spellock.tasks.detections import Detections

Pixels = npt.NDArray[np.uint8]
#: Colours that are told apart with any kind of colour vision (Okabe and Ito), one a category, again from the first.
_COLOURS: Final = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167), (240, 228, 66))
_INK: Final = 0.45
_SIDE: Final = 320
_GAP: Final = 8
_HEAD: Final = 24


def draw_objects(
    image: Pixels, found: Detections | Annotation, classes: Sequence[str], *, least: float = 0.5
) -> Pixels:
    """Draw what is in an image, or was found there with a score of at least ``least``.

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
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default()
    for place, label in enumerate(shown.labels.tolist()):
        left, top, right, bottom = shown.boxes[place].tolist()
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=_colour(label))
        score = f" {100 * shown.scores[place]:.0f}" if isinstance(shown, Detections) else ""
        pen.text((left + 2, max(0, top - 11)), f"{classes[label]}{score}", fill=_colour(label), font=font)
    return np.asarray(picture)


def side_by_side(titles: Sequence[str], rows: Sequence[Sequence[Pixels]]) -> bytes:
    """A PNG of pictures in columns under ``titles``, each enlarged or reduced to 320 px at most; the same input gives
    the same bytes."""
    height = _HEAD + (_SIDE + _GAP) * len(rows)
    sheet = Image.new("RGB", ((_SIDE + _GAP) * len(titles) + _GAP, height), (255, 255, 255))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default()
    for column, title in enumerate(titles):
        pen.text((_GAP + column * (_SIDE + _GAP), 6), title, fill=(20, 20, 20), font=font)
        for row, pictures in enumerate(rows):
            picture = Image.fromarray(pictures[column])
            factor = _SIDE / max(picture.size)
            size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
            corner = (_GAP + column * (_SIDE + _GAP), _HEAD + row * (_SIDE + _GAP))
            sheet.paste(picture.resize(size, Image.Resampling.BILINEAR), corner)
    data = io.BytesIO()
    sheet.save(data, format="PNG")
    return data.getvalue()


def _colour(label: int) -> tuple[int, int, int]:
    return _COLOURS[label % len(_COLOURS)]
