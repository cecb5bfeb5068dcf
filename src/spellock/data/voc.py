"""Pascal VOC: one XML file an image, boxes as first and last pixel counted from 1."""

from __future__ import annotations

from pathlib import Path

from spellock.data.annotation import Annotation
from spellock.data.box_checks import Complaints, FoundObject, gather
from spellock.data.box_set import BoxSet, file_reader
from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ImageSet, OnError
from spellock.data.safe_xml import Element, read_xml
from spellock.data.splits import choose_split, read_list
from spellock.data.walk import is_file
from spellock.errors import DataError, MissingSplitError

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def is_voc(folder: Path) -> bool:
    """Whether a folder has VOC's sub-folders."""
    return (folder / "Annotations").is_dir() and (folder / "JPEGImages").is_dir()


def open_voc(
    folder: Path, *, split: str | None = None, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
) -> ImageSet:
    """Open ``Annotations/*.xml`` with ``JPEGImages`` and, for splits, ``ImageSets/Main/<split>.txt``.

    Categories are all names in any annotation, sorted, so that every split has the same. Objects marked ``difficult``
    become crowd: neither trained on nor counted, as in VOC. Images without objects are kept.

    Args:
        split: name of a list; None takes "train" or the only one; without lists all images.
        on_error: whether a bad object or file stops the reading, or is named and left out.
        max_pixels: larger images are refused before decoding.

    Raises:
        DataError: there is no such set or split, or something is bad and ``on_error`` is "fail"; the message names file
            and line.
    """
    if not is_voc(folder):
        raise DataError(f"{folder} is no Pascal VOC folder, expected Annotations and JPEGImages in it")
    complain = Complaints(on_error)
    wanted = _listed(folder, split)
    roots: dict[str, tuple[Path, Element]] = {}
    names: set[str] = set()
    for path in sorted((folder / "Annotations").glob("*.xml")):
        try:
            root = read_xml(path)
        except DataError as error:
            if wanted is None or path.stem in wanted:
                complain(str(error))
            continue
        names |= {one.words("name") for one in root.all("object") if one.words("name")}
        roots[path.stem] = path, root
    classes = sorted(names)
    annotations, files = [], []
    known: dict[str, str] = {}
    for stem in roots if wanted is None else wanted:
        if stem not in roots:
            if not is_file(folder / "Annotations" / f"{stem}.xml"):
                complain(f"{folder}: image {stem!r} has no annotations in Annotations/{stem}.xml")
            continue
        made = _image(folder, *roots[stem], classes, complain)
        if made is not None and made.id in known:
            complain(f"{roots[stem][0]}: its image {made.id} has annotations in {known[made.id]} already")
        elif made is not None:
            known[made.id] = roots[stem][0].name
            annotations.append(made)
            files.append(folder / "JPEGImages" / made.id)
    if not annotations:
        raise DataError(f"{folder} has no annotated images; check the folder")
    complain.summed_up(str(folder))
    return BoxSet(str(folder), annotations, classes, file_reader(files, max_pixels=max_pixels), on_error=on_error)


def _listed(folder: Path, split: str | None) -> list[str] | None:
    lists = {path.stem: path for path in sorted((folder / "ImageSets" / "Main").glob("*.txt")) if "_" not in path.stem}
    if not lists:
        if split is not None:
            raise MissingSplitError(f"{folder} has no lists in ImageSets/Main, so there is no split {split!r}")
        return None
    lines = read_list(lists[choose_split(lists, split, str(folder))])
    # A number may follow the name, which may have spaces itself.
    whole = [line if is_file(folder / "Annotations" / f"{line}.xml") else line.split()[0] for line in lines]
    return list(dict.fromkeys(whole))


def _image(folder: Path, path: Path, root: Element, classes: list[str], complain: Complaints) -> Annotation | None:
    stated = Path(root.words("filename")).name
    # Files that were renamed keep the old name inside, which may be another image's by now.
    candidates = [stated] if Path(stated).stem == path.stem else []
    candidates += [path.stem + suffix for suffix in (".jpg", ".jpeg", ".png", ".JPG")]
    candidates += [stated] if stated else []
    name = next((one for one in candidates if is_file(folder / "JPEGImages" / one)), None)
    if name is None:
        complain(f"{path} line {root.line}: its image {candidates[0]} is not in JPEGImages")
        return None
    try:
        size = (int(root.words("size/height")), int(root.words("size/width")))
    except ValueError:
        size = (0, 0)
    if min(size) < 1:
        complain(f"{path} line {root.line}: the size of the image is missing or not in pixels")
        return None
    found = []
    for one in root.all("object"):
        where = f"{path} line {one.line}"
        try:
            left, top, right, bottom = (float(one.words(f"bndbox/{corner}")) for corner in _CORNERS)
        except ValueError:
            complain(f"{where}: an object lacks a corner of its box, expected {', '.join(_CORNERS)}")
            continue
        if one.words("name") not in classes:
            complain(f"{where}: an object has no name")
            continue
        found.append(
            FoundObject(
                # Both corners are pixels of the object: an inverted box must not gain an area by the one added here.
                box=(left - 1, top - 1, right, bottom) if right > left and bottom > top else (left, top, right, bottom),
                label=classes.index(one.words("name")),
                where=where,
                crowd=one.words("difficult") == "1",
            )
        )
    return gather(name, size, found, complain, masks=False)
