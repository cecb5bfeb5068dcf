"""An image folder without splits written again with the splits train and test, class by class."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spellock.artefacts import new_folder
from spellock.data.folder import FolderSet, splits_of
from spellock.data.image_set import ImageSet
from spellock.data.split import stratified_take
from spellock.errors import ConfigError, DataError
from spellock.progress import track

_SPLITS = ("train", "test")


def split_folder(source: Path, out: Path, share: float, *, seed: int = 0) -> dict[str, int]:
    """Write ``source`` again as ``out/train/<class>`` and ``out/test/<class>``; no image is decoded.

    Files of the same bytes go to the same split, so that no test image is one that was trained on. Where the disk
    allows, the new files are further names of the old ones (hard links) and take no room; else they are copies.

    Args:
        source: an image folder as `spellock.data.open_images` takes it, without splits.
        out: new folder.
        share: of the images of each class for the test split, above 0 and below 1; each class keeps an image at least
            in either, where it has two that differ.

    Returns:
        how many images each split has.

    Raises:
        DataError: ``source`` is no such folder, has splits already, a file cannot be read, or a class has no two
            images that differ.
        ConfigError: ``out`` lies in ``source``.
        StorageError: ``out`` is there, or cannot be written.
    """
    if out.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f"got {out}, which lies in {source}, expected a folder beside it; choose another place")
    if source.is_dir() and splits_of(source)[1]:
        raise DataError(f"{source} has splits already; lock and evaluate take them by --split")
    images = FolderSet(source)
    if len(images.classes) < 2:
        raise DataError(
            f"{source} has one sub-folder of images, {images.classes[0]!r}, expected one a class, two or more; where a "
            "table has the labels, name the table itself"
        )
    test = _test(images, _digests(images, source), share, seed)
    with new_folder(out) as made:
        for index in track(range(len(images)), total=len(images), label="splitting"):
            name, label = images.ids[index], images.classes[images.labels[index]]
            # A locked set, among others, keeps its classes below "images".
            inside = name if name.startswith(f"{label}/") else name.removeprefix("images/")
            place = made / _SPLITS[int(test[index])] / inside
            place.parent.mkdir(parents=True, exist_ok=True)
            _put(source / name, place)
    return {split: int((test == number).sum()) for number, split in enumerate(_SPLITS)}


def _digests(images: ImageSet, root: Path) -> list[bytes]:
    found = []
    for name in track(images.ids, total=len(images), label="reading"):
        try:
            with (root / name).open("rb") as file:
                found.append(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise DataError(f"cannot read {root / name}: {error.strerror}; check its permissions") from error
    return found


def _test(images: ImageSet, digests: list[bytes], share: float, seed: int) -> npt.NDArray[np.bool_]:
    """bool (N,): which images are the test split's."""
    firsts: dict[bytes, int] = {}
    for place, digest in enumerate(digests):
        firsts.setdefault(digest, place)
    labels = images.labels[list(firsts.values())]
    counts = np.bincount(labels, minlength=len(images.classes))
    if (few := np.flatnonzero(counts < 2)).size:
        raise DataError(
            f"the class {images.classes[few[0]]!r} of {images.name} has {counts[few[0]]} images that differ from all "
            "others, expected 2 or more to split; add images, or take the class out"
        )
    ranks = np.random.default_rng([seed, 0x73706C69]).permutation(len(labels)).astype(np.uint64)
    taken = dict(zip(firsts, stratified_take(labels, share, ranks, minimum=1), strict=True))
    return np.array([taken[digest] for digest in digests], dtype=np.bool_)


def _put(old: Path, new: Path) -> None:
    try:
        os.link(old.resolve(), new)
    except OSError:  # another disk, or one without links
        shutil.copyfile(old, new)
