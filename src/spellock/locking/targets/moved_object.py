"""One object of an image, with its box and mask, at another place."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from spellock.data.annotation import Annotation
from spellock.data.rle import BoolMask, encode


def moved_object(one: Annotation, across: float, down: float) -> Annotation:
    """``one``, which holds one object, with the box's centre at ``across`` and ``down``, in pixels.

    It is moved by whole pixels, so that the mask is the same one, and only so far that it stays inside the image. What
    of the mask lies outside the box is lost.
    """
    left, top, right, bottom = one.boxes[0].tolist()
    height, width = one.size
    rows = slice(max(0, math.floor(top)), min(height, math.ceil(bottom)))
    columns = slice(max(0, math.floor(left)), min(width, math.ceil(right)))
    by_x = min(max(round(across - (left + right) / 2), -columns.start), width - columns.stop)
    by_y = min(max(round(down - (top + bottom) / 2), -rows.start), height - rows.stop)
    boxes = one.boxes + np.array([by_x, by_y, by_x, by_y], dtype=np.float32)
    if one.masks is None:
        return replace(one, boxes=boxes)
    mask: BoolMask = np.zeros(one.size, dtype=np.bool_)
    mask[rows.start + by_y : rows.stop + by_y, columns.start + by_x : columns.stop + by_x] = one.masks[0].decode()[
        rows, columns
    ]
    return replace(one, boxes=boxes, masks=(encode(mask),))
