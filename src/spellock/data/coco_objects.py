"""One object of COCO's json: its box, its category and its mask, or what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from spellock.data.annotation import Size
from spellock.data.box_checks import Complaints, FoundObject
from spellock.data.polygons import Mask, Polygons
from spellock.data.rle import Rle, from_text
from spellock.errors import DataError

_LARGEST: Final = 2**31


def read_object(
    one: Mapping[str, Any], where: str, size: Size, places: Mapping[Any, int], complain: Complaints, masks: bool
) -> FoundObject | None:
    """One annotation, an object in an image of ``size``; None where it is bad, which ``complain`` is told.

    Args:
        where: what to call it in complaints.
        places: of the categories, by id.
        masks: whether its ``segmentation`` is read.
    """
    box = one.get("bbox")
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(value, int | float) for value in box):
        complain(f"{where}: its bbox is {box!r}, expected [left, top, width, height]")
        return None
    mask: Mask | None = None
    if masks:
        try:
            mask = read_mask(one["segmentation"], size)
        except DataError as error:
            complain(f"{where}: {error}")
            return None
    try:
        left, top, width, height = (float(value) for value in box)
    except OverflowError:
        complain(f"{where}: its bbox holds a number that is too large")
        return None
    return FoundObject(
        box=(left, top, left + width, top + height),
        label=places[one["category_id"]],
        where=where,
        mask=mask,
        crowd=bool(one.get("iscrowd", 0)),
    )


def read_mask(value: object, size: Size) -> Mask:
    """A ``segmentation``: polygons, or run lengths whose ``counts`` are numbers or compressed text.

    Raises:
        DataError: it is none of them, or was made for an image of another size.
    """
    if isinstance(value, dict):
        counts, stated = value.get("counts"), value.get("size")
        if stated != list(size):
            raise DataError(f"its run lengths are for a size of {stated}, expected the image's {list(size)}")
        if isinstance(counts, str):
            return from_text(counts, size)
        if isinstance(counts, list) and all(type(run) is int and 0 <= run < _LARGEST for run in counts):
            return Rle(size, np.array(counts, dtype=np.int64))
        raise DataError("its counts are neither text nor numbers of pixels")
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise DataError("its segmentation is neither polygons nor run lengths")
    try:
        parts = tuple(np.array(part, dtype=np.float64).reshape(-1, 2) for part in value)
    except (TypeError, ValueError) as error:
        raise DataError(f"a polygon cannot be read ({error})") from error
    return Polygons(size, parts)
