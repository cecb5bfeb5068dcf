"""One door to every kind of image set."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from spellock.data.cityscapes import is_cityscapes
from spellock.data.decode import MAX_PIXELS
from spellock.data.folder import SUFFIXES, FolderSet
from spellock.data.hub import hub_dataset, is_saved_dataset, saved_dataset
from spellock.data.image_set import ON_ERROR, ImageSet, OnError
from spellock.data.parquet import ParquetSet, parquet_files, split_of
from spellock.data.torchvision_set import Pairs, TorchvisionSet
from spellock.data.voc import is_voc
from spellock.data.walk import files_below
from spellock.errors import ConfigError, DataError, MissingSplitError

_HUB_ID: Final = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
#: Files by which other tasks' sets are named, and what to do with them.
_OTHER_TASKS: Final = {
    ".csv": "a table of several labels an image needs the task multilabel (--task multilabel, or open_labels)",
    ".json": "COCO json needs the task detection (--task detection, or open_boxes)",
}


def open_images(
    source: str | Path | object, *, split: str | None = None, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
) -> ImageSet:
    """Open a set of labelled images without decoding any.

    Args:
        source: an image folder (one sub-folder a class, optionally below one folder a split); a parquet file, or a
        folder of
            them, in the Hugging Face image/label layout; a folder that ``datasets`` saved; a Hugging Face data set id
            ("owner/name", or "hf://name"; extra ``hub``); a torchvision data set or any sequence of (Pillow image,
            int); or
            an `ImageSet`, which is returned as it is.
        split: which split, where there are several; None takes "train" or the only one. Of a single file the one that
            its name says.
        on_error: whether loops over the set stop at an image that cannot be decoded, or name and skip it.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: nothing is there, it is not such a set, or has no such split (`MissingSplitError`).
        ConfigError: an option is out of range.
        MissingExtraError: a hub id was given and ``datasets`` is not installed.
    """
    if on_error not in ON_ERROR:
        raise ConfigError(f"on_error is {on_error!r}, expected one of {', '.join(ON_ERROR)}")
    if max_pixels < 1:
        raise ConfigError(f"max_pixels is {max_pixels}, expected at least 1")
    if isinstance(source, ImageSet):
        return source
    if isinstance(source, str | Path):
        return _open_path(source, split=split, on_error=on_error, max_pixels=max_pixels)
    if isinstance(source, Pairs):
        return TorchvisionSet(source, on_error=on_error, max_pixels=max_pixels)
    raise DataError(
        f"got a {type(source).__name__}, expected a folder, a parquet file, a data set id or a torchvision data set"
    )


def _open_path(source: str | Path, *, split: str | None, on_error: OnError, max_pixels: int) -> ImageSet:
    text = str(source)
    if text.startswith("hf://"):
        return hub_dataset(
            text.removeprefix("hf://").removeprefix("datasets/"), split=split, on_error=on_error, max_pixels=max_pixels
        )
    path = Path(source)
    try:
        there, is_folder = path.exists(), path.is_dir()
    except OSError as error:
        raise DataError(f"cannot look at {path}: {error.strerror}; check the path and its permissions") from error
    if not there:
        # "owner/name" is as well a relative path; when its first part exists here, a path was meant.
        if (
            isinstance(source, str)
            and _HUB_ID.fullmatch(source)
            and not path.parent.exists()
            and path.suffix != ".parquet"
        ):
            return hub_dataset(source, split=split, on_error=on_error, max_pixels=max_pixels)
        raise DataError(
            f"{path} does not exist; check the path (a data set of the Hugging Face hub is written owner/name or "
            "hf://name)"
        )
    if not is_folder:
        if path.suffix.lower() in _OTHER_TASKS:
            raise DataError(f"{path} is no image folder or parquet file; {_OTHER_TASKS[path.suffix.lower()]}")
        # Else whoever asks for "test" would be given what another call takes for "train".
        if split not in (None, split_of(path)):
            raise MissingSplitError(f"{path} has no split {split!r}; it is one file, so leave the split out")
        return ParquetSet([path], name=text, on_error=on_error, max_pixels=max_pixels)
    if is_saved_dataset(path):
        return saved_dataset(path, split=split, on_error=on_error, max_pixels=max_pixels)
    files = parquet_files(path, split)
    if files:
        return ParquetSet(files, name=text, on_error=on_error, max_pixels=max_pixels)
    if _has_boxes(path):
        raise DataError(
            f"{path} is a set with boxes, not a folder with one sub-folder a class; it needs the task detection "
            "(--task detection, or open_boxes)"
        )
    return FolderSet(path, split=split, on_error=on_error, max_pixels=max_pixels)


def _has_boxes(folder: Path) -> bool:
    """Whether a folder looks like Pascal VOC's, Cityscapes' or COCO's; a class may be called "annotations" too."""
    if is_voc(folder) or is_cityscapes(folder):
        return True
    tables = folder / "annotations"
    return any(tables.glob("*.json")) and not files_below(tables, SUFFIXES, complain=lambda *_: None)
