"""COCO's json: one file for the objects of all images, boxes as left, top, width and height."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spellock.data.annotation import Size
from spellock.data.box_checks import Complaints, gather
from spellock.data.box_set import BoxSet, file_reader
from spellock.data.coco_objects import read_mask, read_object
from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ImageSet, OnError
from spellock.data.walk import is_file, named_below
from spellock.errors import DataError

__all__ = ["is_coco", "open_coco", "read_mask"]

_log = logging.getLogger(__name__)


def open_coco(file: Path, *, images: Path, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS) -> ImageSet:
    """Open a set in COCO's format; no image is decoded.

    Categories are numbered in the order of their ids. Images without objects are kept. The set has masks when every
    object has a ``segmentation``: polygons, run lengths, or compressed run lengths. Where some have and some have not,
    the log says so.

    Args:
        file: the json file.
        images: folder that the file names are relative to.
        on_error: whether a bad object or image stops the reading, or is named and left out.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: the file is missing or no such json, a category is there twice, or something in it is bad and
            ``on_error`` is "fail"; the message names the file and the id.
    """
    content = _read(file)
    complain = Complaints(on_error)
    categories = _categories(content, file)
    places = {number: place for place, (number, _) in enumerate(categories)}
    frames = _frames(content, file, images, complain)
    objects: dict[object, list[Mapping[str, Any]]] = {number: [] for number in frames}
    seen: set[object] = set()
    for one in content["annotations"]:
        where = f"{file} annotation {one.get('id')!r}"
        if not all(isinstance(one.get(name), int | float | str | None) for name in ("id", "image_id", "category_id")):
            complain(f"{where}: its id, image_id or category_id is a list or an object, expected a number")
            continue
        if one.get("id") is not None and one["id"] in seen:
            complain(f"{where}: another annotation has the same id")
            continue
        seen.add(one.get("id"))
        if one.get("image_id") not in frames:
            complain(f"{where}: there is no image {one.get('image_id')!r}")
        elif one.get("category_id") not in places:
            complain(f"{where}: there is no category {one.get('category_id')!r}")
        else:
            objects[one["image_id"]].append(one)
    masks = _have_masks([one for group in objects.values() for one in group], file)
    annotations, files = [], []
    for number, (name, size) in frames.items():
        found = [
            made
            for one in objects[number]
            if (made := read_object(one, f"{file} annotation {one.get('id')!r}", size, places, complain, masks))
            is not None
        ]
        annotations.append(gather(name, size, found, complain, masks=masks))
        files.append(named_below(images, name) or images / name)
    names = [name for _, name in categories]
    complain.summed_up(str(file))
    return BoxSet(str(file), annotations, names, file_reader(files, max_pixels=max_pixels), on_error=on_error)


def is_coco(content: object) -> bool:
    """Whether a JSON value looks like COCO's."""
    return isinstance(content, dict) and {"images", "annotations", "categories"} <= content.keys()


def _have_masks(objects: Sequence[Mapping[str, Any]], file: Path) -> bool:
    """Whether every object has a segmentation; the log says where some have."""
    without = [one for one in objects if not one.get("segmentation")]
    if without and len(without) < len(objects):
        few, first = f"{len(without)} of {len(objects)}", without[0].get("id")
        says = "%s: %s objects have no segmentation, first annotation %r, so the set is read without masks"
        _log.warning(says, file, few, first)
    return not without


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}; check the path") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON ({error}); it may be truncated") from error
    if not is_coco(content):
        raise DataError(f"{file} is not in COCO's format, expected 'images', 'annotations' and 'categories'")
    for part in ("images", "annotations", "categories"):
        if not isinstance(content[part], list) or not all(isinstance(one, dict) for one in content[part]):
            raise DataError(f"{file}: {part!r} is not a list of objects; it is not in COCO's format")
    made: dict[str, Any] = content
    return made


def _categories(content: Mapping[str, Any], file: Path) -> list[tuple[int, str]]:
    found = []
    for one in content["categories"]:
        if not isinstance(one.get("id"), int) or not isinstance(one.get("name"), str):
            raise DataError(f"{file}: a category lacks its id (an integer) or its name; add them")
        found.append((one["id"], one["name"]))
    for values in zip(*found, strict=True):
        twice = [value for value in values if values.count(value) > 1]
        if twice:
            raise DataError(f"{file}: two categories have the id or name {twice[0]!r}; give each its own")
    return sorted(found)


def _frames(
    content: Mapping[str, Any], file: Path, folder: Path, complain: Complaints
) -> dict[object, tuple[str, Size]]:
    frames: dict[object, tuple[str, Size]] = {}
    # One file may have several names: "a.png" and "./a.png".
    known: set[Path] = set()
    for one in content["images"]:
        number, name = one.get("id"), one.get("file_name")
        where, size = f"{file} image {number!r}", (one.get("height"), one.get("width"))
        path = named_below(folder, name) if isinstance(name, str) and name else None
        if number is None or not isinstance(number, int | str):
            complain(f"{where}: an image lacks its id")
        elif number in frames:
            complain(f"{where}: another image has the same id")
        elif not isinstance(name, str) or not name or path in known:
            complain(f"{where}: its file_name is {name!r}, expected the name of a file that no other image has")
        elif not all(type(side) is int and side > 0 for side in size):
            complain(f"{where}: its height and width are {size}, expected pixels")
        elif path is None:
            complain(f"{where}: {name} lies outside of {folder}, expected images below it, or links to them")
        elif not is_file(path):
            complain(f"{where}: {folder / name} does not exist")
        else:
            frames[number] = (name, (size[0], size[1]))
            known.add(path)
    if not frames:
        raise DataError(f"{file} has no images in {folder}; check the folder")
    return frames
