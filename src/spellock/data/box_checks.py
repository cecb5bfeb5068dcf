"""Which boxes can be used: what is wrong with one is named, and stops the reading or is left out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spellock.data.annotation import Annotation, Size
from spellock.data.image_set import SKIP, OnError
from spellock.data.polygons import Mask
from spellock.errors import DataError

_log = logging.getLogger(__name__)
#: Rounding of whoever drew the box, in pixels, that is cut off without a word.
_TOLERANCE = 1.0
#: A side of less vanishes when places in a large image are rounded to float32, and detectors refuse such boxes.
_LEAST = 1e-3
_MOST_NAMED = 20


@dataclass
class Complaints:
    """What to do about bad annotations, and how many there were.

    Attributes:
        on_error: "fail" stops at the first, "skip" names it in the log and leaves it out; many are not all named.
        count: of those left out so far.
    """

    on_error: OnError
    count: int = field(default=0, init=False)

    def __call__(self, problem: str) -> None:
        """Stop with ``problem``, or name it.

        Raises:
            DataError: ``on_error`` is "fail".
        """
        if self.on_error == "fail":
            raise DataError(f"{problem}; mend the annotations, or skip such objects with {SKIP}")
        self.count += 1
        if self.count <= _MOST_NAMED:
            _log.warning("skipped: %s", problem)
        if self.count == _MOST_NAMED:
            _log.warning("further bad annotations are skipped without being named")

    def summed_up(self, name: str) -> None:
        """Say in the log how many there were in the set ``name``, where not all were named."""
        if self.count > _MOST_NAMED:
            _log.warning("%s: %d bad annotations in all, the first %d of them named", name, self.count, _MOST_NAMED)


@dataclass(frozen=True, kw_only=True)
class FoundObject:
    """One object as a file has it: box (left, top, right, bottom) in pixels, category, mask, and where it stands."""

    box: tuple[float, float, float, float]
    label: int
    where: str
    mask: Mask | None = None
    crowd: bool = False


def gather(name: str, size: Size, found: Sequence[FoundObject], complain: Complaints, *, masks: bool) -> Annotation:
    """The usable objects of one image.

    A box that leaves the image by up to a pixel is cut off; one that leaves it further is bad, and cut off where it is
    not fatal. A box that is inverted, without area, not finite or all outside is bad and left out.

    Args:
        name: of the image.
        size: its height and width.
        masks: whether the objects of this set have masks.

    Raises:
        DataError: an object is bad and ``complain`` stops at such.
    """
    kept: list[FoundObject] = []
    boxes: list[list[float]] = []
    for one in found:
        cut = checked_box(one.box, size, one.where, complain)
        if cut is not None:
            kept.append(one)
            boxes.append(cut.tolist())
    every = tuple(one.mask for one in kept if one.mask is not None) if masks else None
    return Annotation(
        id=name,
        size=size,
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array([one.label for one in kept], dtype=np.int64),
        masks=every,
        crowd=np.array([one.crowd for one in kept], dtype=np.bool_),
    )


def checked_box(
    box: tuple[float, float, float, float], size: Size, where: str, complain: Complaints
) -> npt.NDArray[np.float64] | None:
    """``box`` (left, top, right, bottom), float64 (4,), cut off at the image of ``size`` (height, width); None where it
    is bad and skipped.

    Raises:
        DataError: it is bad, as `gather` says, and ``complain`` stops at such.
    """
    whole = np.array(box, dtype=np.float64)
    height, width = size
    shown = ", ".join(f"{value:g}" for value in whole)
    if not np.isfinite(whole).all():
        complain(f"{where}: the box ({shown}) is not finite")
        return None
    if whole[2] <= whole[0] or whole[3] <= whole[1]:
        complain(f"{where}: the box ({shown}) has no area, expected left < right and top < bottom")
        return None
    cut: npt.NDArray[np.float64] = np.clip(whole, 0, np.array([width, height, width, height], dtype=np.float64))
    if min(whole[2] - whole[0], whole[3] - whole[1]) < _LEAST:
        complain(f"{where}: the box ({shown}) has hardly an area, expected sides of at least {_LEAST:g} pixels")
        return None
    if min(cut[2] - cut[0], cut[3] - cut[1]) < _LEAST:
        complain(f"{where}: the box ({shown}) lies outside the image of {width}x{height} pixels")
        return None
    if np.abs(cut - whole).max() > _TOLERANCE:
        complain(f"{where}: the box ({shown}) reaches beyond the image of {width}x{height} pixels (cut off)")
    return cut
