"""Cityscapes (Cordts et al. 2016) as it is handed out: one json of polygons an image, in folders of splits and cities.

Later polygons lie in front of earlier ones. They are painted in that order, as the authors' own tools do, so that masks
are what is to be seen of an object, and boxes are tight around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from spellock.artefacts import read_json
from spellock.data.annotation import Annotation, Size
from spellock.data.box_checks import Complaints, FoundObject, checked_box, gather
from spellock.data.box_set import BoxSet, file_reader
from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ImageSet, OnError
from spellock.data.rle import Rle, encode
from spellock.data.splits import choose_split
from spellock.errors import DataError

#: The categories whose instances Cityscapes evaluates.
INSTANCES: Final = ("person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle")
_GROUP: Final = "group"
#: Labels that are in front of or behind others, but no objects here.
_OTHERS: Final = (
    *("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road"),
    *("sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole"),
    *("polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "caravan", "trailer"),
)
#: On a car and part of it.
_NOT_PAINTED: Final = "license plate"
_IMAGES, _LABELS = "leftImg8bit", "gtFine"
_IMAGE_END, _LABEL_END = "_leftImg8bit.png", "_gtFine_polygons.json"
_MOST_BYTES: Final = 50_000_000
#: Pixels from the corner beyond which a point is no point of an image; whoever paints cannot count so far.
_FARTHEST: Final = 1e6


def is_cityscapes(folder: Path) -> bool:
    """Whether a folder has Cityscapes' sub-folders."""
    return (folder / _IMAGES).is_dir() and (folder / _LABELS).is_dir()


def open_cityscapes(
    folder: Path, *, split: str | None = None, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
) -> ImageSet:
    """Open ``leftImg8bit/<split>/<city>/*_leftImg8bit.png`` with ``gtFine/<split>/<city>/*_gtFine_polygons.json``.

    Categories are the eight of `INSTANCES`. Groups (``cargroup``) are crowds: neither trained on nor counted. What is
    hidden altogether is left out, and so are deleted objects; images without objects are kept. Ids are paths below the
    split.

    Args:
        split: None takes "train" or the only one.
        on_error: whether a bad object or file stops the reading, or is named and left out.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: there is no such set or split, no object in any image (as in the test split), or something is bad and
            ``on_error`` is "fail"; the message names the file, and the object by its place in it, from 0.
    """
    if not is_cityscapes(folder):
        raise DataError(f"{folder} is no Cityscapes folder, expected {_IMAGES} and {_LABELS} in it")
    complain = Complaints(on_error)
    splits = [path.name for path in sorted((folder / _LABELS).iterdir()) if (folder / _IMAGES / path.name).is_dir()]
    chosen = choose_split(splits, split, str(folder))
    pictures, tables = folder / _IMAGES / chosen, folder / _LABELS / chosen
    stems = _stems(pictures, _IMAGE_END)
    for stem in sorted(_stems(tables, _LABEL_END) - stems):
        complain(f"{tables / stem}{_LABEL_END}: its image {pictures / stem}{_IMAGE_END} does not exist")
    annotations, files = [], []
    for stem in sorted(stems):
        table = tables / f"{stem}{_LABEL_END}"
        try:
            made = _read(table, f"{stem}{_IMAGE_END}", max_pixels, complain)
        except DataError as error:
            complain(str(error))
            continue
        annotations.append(made)
        files.append(pictures / made.id)
    if not annotations:
        raise DataError(f"{pictures} has no annotated images; check the folder")
    if not any(len(one.labels) for one in annotations):
        raise DataError(f"{tables} names no object; Cityscapes keeps those of its test split to itself, so use val")
    complain.summed_up(f"{folder} ({chosen})")
    return BoxSet(
        f"{folder} ({chosen})", annotations, INSTANCES, file_reader(files, max_pixels=max_pixels), on_error=on_error
    )


def _stems(folder: Path, end: str) -> set[str]:
    return {path.relative_to(folder).as_posix().removesuffix(end) for path in folder.glob(f"*/*{end}")}


@dataclass(frozen=True)
class _Shape:
    """One polygon, float64 (P, 2), x before y; its category, None for what is no object here."""

    where: str
    points: npt.NDArray[np.float64]
    label: int | None
    crowd: bool


def _read(file: Path, name: str, max_pixels: int, complain: Complaints) -> Annotation:
    content = read_json(file, max_bytes=_MOST_BYTES)
    size, objects = (content.get("imgHeight"), content.get("imgWidth")), content.get("objects")
    if not all(type(side) is int and side > 0 for side in size) or not isinstance(objects, list):
        raise DataError(f"{file} lacks imgHeight and imgWidth in pixels or its list of objects; it is not Cityscapes'")
    height, width = int(size[0] or 0), int(size[1] or 0)
    if height * width > max_pixels:
        raise DataError(f"{file} is of an image of {width}x{height} pixels, expected at most {max_pixels} in all")
    found = [_shape(one, f"{file} object {place}", (height, width), complain) for place, one in enumerate(objects)]
    seen = _seen([one for one in found if one is not None], (height, width))
    return gather(name, (height, width), seen, complain, masks=True)


def _shape(one: Any, where: str, size: Size, complain: Complaints) -> _Shape | None:
    if not isinstance(one, dict) or not isinstance(one.get("label"), str):
        complain(f"{where}: it has no label")
        return None
    label = one["label"]
    if one.get("deleted") or label == _NOT_PAINTED:
        return None
    bare = label if label in _OTHERS else label.removesuffix(_GROUP)
    if bare not in _OTHERS and bare not in INSTANCES:
        complain(f"{where}: Cityscapes has no label {label!r}")
        return None
    try:
        points = np.array(one.get("polygon"), dtype=np.float64)
    except (TypeError, ValueError):
        points = np.zeros(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not (np.abs(points) < _FARTHEST).all():
        complain(f"{where} ({label}): its polygon is not three or more finite points (x, y) in pixels")
        return None
    if bare not in INSTANCES:
        return _Shape(where, points, None, False)
    # Points are numbers of pixels, and the pixels named belong to the object.
    (left, top), (right, bottom) = points.min(0), points.max(0) + 1
    if checked_box((left, top, right, bottom), size, f"{where} ({label})", complain) is None:
        return None
    return _Shape(where, points, INSTANCES.index(bare), bare != label)


def _seen(shapes: Sequence[_Shape], size: Size) -> list[FoundObject]:
    """What is to be seen of each object when all are painted, the last in front."""
    height, width = size
    picture = Image.new("I", (width, height))
    brush = ImageDraw.Draw(picture)
    for number, shape in enumerate(shapes, 1):
        brush.polygon([(x, y) for x, y in shape.points.tolist()], fill=number)
    painted = np.asarray(picture)
    found = []
    for number, shape in enumerate(shapes, 1):
        if shape.label is None:
            continue
        first, last = shape.points.min(0), shape.points.max(0)
        (left, top), (right, bottom) = np.floor(first).astype(int).clip(0), np.ceil(last).astype(int) + 1
        rows, columns = np.nonzero(painted[top:bottom, left:right] == number)
        if not len(rows):
            continue
        left, right = left + int(columns.min()), left + int(columns.max()) + 1
        box = (float(left), float(top + rows.min()), float(right), float(top + rows.max() + 1))
        mask = _placed(painted[:, left:right] == number, left, width)
        found.append(FoundObject(box=box, label=shape.label, where=shape.where, mask=mask, crowd=shape.crowd))
    return found


def _placed(strip: npt.NDArray[np.bool_], left: int, width: int) -> Rle:
    """Run lengths of a mask that is empty but for the columns ``strip``, bool (H, W'), from ``left`` on."""
    height, across = strip.shape
    runs = encode(strip).runs.tolist()
    runs[0] += left * height
    after = (width - left - across) * height
    if len(runs) % 2:
        runs[-1] += after
    elif after:
        runs.append(after)
    return Rle((height, width), np.array(runs, dtype=np.int64))
