"""One door to every kind of set with boxes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from spellock.data.annotation import DETECTION
from spellock.data.box_set import categories_with_objects, only_categories
from spellock.data.box_targets import open_targets
from spellock.data.cityscapes import is_cityscapes, open_cityscapes
from spellock.data.coco import open_coco
from spellock.data.decode import MAX_PIXELS
from spellock.data.hub import refuse_hub
from spellock.data.image_set import ON_ERROR, ImageSet, OnError
from spellock.data.splits import SPLIT_NAMES, choose_split
from spellock.data.torchvision_set import Pairs
from spellock.data.voc import is_voc, open_voc
from spellock.errors import ConfigError, DataError, MissingSplitError

#: Where a COCO file's images may lie, for a file of split "train": beside it, above it, or in a folder of the split.
_IMAGE_FOLDERS: Final = ("images", "{split}", "images/{split}", "{split}2017", "{split}2014", "")


def open_boxes(
    source: str | Path | object,
    *,
    images: Path | None = None,
    split: str | None = None,
    on_error: OnError = "fail",
    max_pixels: int = MAX_PIXELS,
) -> ImageSet:
    """Open a set of images with boxes, and perhaps masks, without decoding any.

    Args:
        source: a COCO json file; a folder with such files (in itself or in ``annotations``); a Pascal VOC or a
            Cityscapes folder; a sequence of (image, {"boxes", "labels", "masks"}); or an `ImageSet`, which is returned
            as it is.
        images: folder of a COCO file's images; None looks beside it, above it, and in folders named like the split.
        split: which split, where there are several: the word in a COCO file's name (``instances_val.json``), VOC's
            list, or Cityscapes' folder; None takes "train" or the only one. Of a single file whose name says no split
            it only tells where the images lie.
        on_error: whether a bad object or image stops the reading, or is named and left out; so are categories without
            objects.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: nothing is there, it is no such set or has no such split (`MissingSplitError`), or something is bad
            and ``on_error`` is "fail".
        ConfigError: an option is out of range.
    """
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error is {on_error!r}, expected one of {', '.join(ON_ERROR)}")
    found = _open(source, images=images, split=split, on_error=on_error, max_pixels=max_pixels)
    if isinstance(source, ImageSet) or on_error == "fail":
        return found
    return only_categories(found, categories_with_objects(found))


def _open(
    source: str | Path | object, *, images: Path | None, split: str | None, on_error: OnError, max_pixels: int
) -> ImageSet:
    if isinstance(source, ImageSet):
        if source.task != DETECTION:
            raise DataError(f"{source.name} has labels for the task {source.task}, expected boxes")
        return source
    if not isinstance(source, str | Path):
        if isinstance(source, Pairs):
            return open_targets(source, on_error=on_error, max_pixels=max_pixels)
        raise DataError(f"got a {type(source).__name__}, expected COCO json, a Pascal VOC folder or pairs of targets")
    refuse_hub(source, "COCO json, a Pascal VOC folder or a Cityscapes folder")
    path = Path(source)
    if path.is_dir() and is_voc(path):
        return open_voc(path, split=split, on_error=on_error, max_pixels=max_pixels)
    if path.is_dir() and is_cityscapes(path):
        return open_cityscapes(path, split=split, on_error=on_error, max_pixels=max_pixels)
    if path.is_dir():
        path, split = _json_in(path, split)
    elif split is not None and _split_of(path) not in (None, split):
        raise MissingSplitError(f"{path} has no split {split!r}; its name says {_split_of(path)!r}")
    if not path.is_file():
        raise DataError(f"{path} does not exist; expected COCO json, a Pascal VOC folder or a Cityscapes folder")
    folder = images or _images_of(path, split)
    return open_coco(path, images=folder, on_error=on_error, max_pixels=max_pixels)


def _json_in(folder: Path, split: str | None) -> tuple[Path, str | None]:
    """The COCO file of a split in a folder, and the split's name."""
    files = [*sorted(folder.glob("*.json")), *sorted((folder / "annotations").glob("*.json"))]
    if not files:
        raise DataError(f"{folder} has no COCO json in it, nor the sub-folders of Pascal VOC or Cityscapes")
    named = {found: file for file in files if (found := _split_of(file)) is not None}
    if len(files) == 1 and split is None:
        return files[0], _split_of(files[0])
    chosen = choose_split(named, split, str(folder))
    return named[chosen], chosen


def _split_of(file: Path) -> str | None:
    words = file.stem.replace("-", "_").split("_")
    return next((name for word in words for name in SPLIT_NAMES if word.rstrip("0123456789") == name), None)


def _images_of(file: Path, split: str | None) -> Path:
    split = split or _split_of(file) or "images"
    for base in (file.parent, file.parent.parent):
        for pattern in _IMAGE_FOLDERS:
            folder = base / pattern.format(split=split)
            if folder != base and folder.is_dir():
                return folder
    return file.parent
