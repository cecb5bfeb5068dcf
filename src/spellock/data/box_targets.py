"""Detection sets as torchvision's reference code has them: pairs of an image and a dictionary of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.data.annotation import Annotation, Size
from spellock.data.box_checks import Complaints, FoundObject, gather
from spellock.data.box_set import BoxSet
from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError
from spellock.data.rle import Rle, encode
from spellock.data.torchvision_set import Pairs
from spellock.errors import DataError

#: What is higher is no number of a category.
_HIGHEST: Final = 100_000


def open_targets(
    pairs: Pairs,
    *,
    classes: Sequence[str] | None = None,
    on_error: OnError = "fail",
    max_pixels: int = MAX_PIXELS,
) -> ImageSet:
    """Open a sequence of (image, {"boxes", "labels"} and perhaps "masks" and "iscrowd").

    As in torchvision, boxes are (left, top, right, bottom) in pixels, labels begin at 1 because 0 is the background,
    and masks are (M, H, W). Every image is read once, for its size.

    Args:
        pairs: images are Pillow images, uint8 arrays (H, W, 3) or float tensors (3, H, W) in [0, 1].
        classes: names of labels 1, 2, ...; None takes the set's ``classes``, else the numbers.
        on_error: whether a bad object or image stops the reading, or is named and left out.

    Raises:
        DataError: the set is empty, or something in it is bad and ``on_error`` is "fail".
    """
    name, complain = type(pairs).__name__, Complaints(on_error)
    # Sizes and run lengths only: all pixels at once, of pictures or of masks, may be more than there is memory.
    read: list[_Found] = []
    for index in range(len(pairs)):
        try:
            image, target = _item(pairs, index, name)
            width, height = _image(image, f"{name}#{index}", max_pixels).size
        except DataError as error:
            complain(str(error))
        else:
            read.append(_found(index, f"{name}#{index}", (height, width), target))
    if not read:
        raise DataError(f"{name} holds no images; expected pairs of an image and its boxes")
    highest = max(int(one.labels.max(initial=0)) for one in read)
    given = classes if classes is not None else getattr(pairs, "classes", None)
    if given is None and highest > _HIGHEST:
        raise DataError(f"{name}: the highest label is {highest}, expected numbers of categories from 1")
    names = [str(one) for one in given] if given is not None else [str(number + 1) for number in range(highest)]
    masks = all(one.masks is not None for one in read)
    annotations = [_annotation(one, len(names), complain, masks) for one in read]
    kept = [one.index for one in read]

    def again(place: int) -> Image.Image:
        return _image(_item(pairs, kept[place], name)[0], annotations[place].id, max_pixels)

    complain.summed_up(name)
    return BoxSet(name, annotations, names, again, on_error=on_error)


def _item(pairs: Pairs, index: int, name: str) -> tuple[object, Mapping[str, Any]]:
    try:
        item = pairs[index]
    except Exception as error:  # whatever the foreign data set raises on a broken file
        raise DataError(f"{name}#{index} cannot be read ({error}); remove it, or fetch it again") from error
    if not isinstance(item, Sequence) or len(item) != 2 or not isinstance(item[1], Mapping):
        raise DataError(
            f"{name}#{index} is a {type(item).__name__}, expected an image and a dictionary of boxes and labels"
        )
    return item[0], item[1]


def _image(image: object, where: str, max_pixels: int) -> Image.Image:
    import torch  # most sets hold no tensors, and torch takes long to import

    from spellock.pixels import check_images, to_uint8

    if isinstance(image, torch.Tensor):
        image = to_uint8(check_images(image[None], what=where))[0].permute(1, 2, 0).numpy()
    if isinstance(image, np.ndarray) and image.dtype == np.uint8:
        image = Image.fromarray(image)
    if not isinstance(image, Image.Image):
        raise DataError(f"{where} is a {type(image).__name__}, expected a Pillow image, uint8 array or float tensor")
    return decode_image(image, name=where, max_pixels=max_pixels)


@dataclass(frozen=True, kw_only=True)
class _Found:
    """What the target of one image says; in the place of a mask of another size is its shape."""

    index: int
    name: str
    size: Size
    boxes: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    crowd: npt.NDArray[np.bool_]
    masks: list[Rle | tuple[int, ...]] | None


def _found(index: int, name: str, size: Size, target: Mapping[str, Any]) -> _Found:
    try:
        boxes = _array(target["boxes"]).astype(np.float64).reshape(-1, 4)
        labels = _labels(target, name)
        shapes = None if target.get("masks") is None else _array(target["masks"]).astype(bool)
        stated = np.zeros(len(labels)) if target.get("iscrowd") is None else _array(target["iscrowd"])
        crowd = stated.astype(bool).reshape(-1)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{name}: its boxes cannot be read ({error!r}); expected (M, 4), and masks (M, H, W)"
        ) from error
    if shapes is not None:
        # Without objects masks may have any shape that holds nothing.
        shapes = shapes.reshape(-1, *shapes.shape[-2:]) if shapes.size else np.zeros((0, *size), dtype=bool)
    if not len(boxes) == len(labels) == len(crowd) or (shapes is not None and len(shapes) != len(labels)):
        raise DataError(f"{name}: got {len(boxes)} boxes for {len(labels)} labels, expected one each, masks too")
    masks = None if shapes is None else [encode(one) if one.shape == size else one.shape for one in shapes]
    return _Found(index=index, name=name, size=size, boxes=boxes, labels=labels, crowd=crowd, masks=masks)


def _annotation(one: _Found, count: int, complain: Complaints, masks: bool) -> Annotation:
    found = []
    for place, (box, label) in enumerate(zip(one.boxes.tolist(), one.labels.tolist(), strict=True)):
        where = f"{one.name} object {place}"
        mask = one.masks[place] if masks and one.masks is not None else None
        if not 1 <= label <= count:
            complain(f"{where}: its label is {label}, expected 1 to {count}, for 0 is the background")
        elif isinstance(mask, tuple):
            complain(f"{where}: its mask is of shape {mask}, expected the image's {one.size}")
        else:
            left, top, right, bottom = box
            found.append(
                FoundObject(
                    box=(left, top, right, bottom),
                    label=label - 1,
                    where=where,
                    mask=mask,
                    crowd=bool(one.crowd[place]),
                )
            )
    return gather(one.name, one.size, found, complain, masks=masks)


def _labels(target: Mapping[str, Any], name: str) -> npt.NDArray[np.int64]:
    """The labels of an image, int64 (M,)."""
    try:
        labels = _array(target["labels"]).reshape(-1)
        with np.errstate(invalid="ignore"):  # what is no number is named below
            whole = labels.astype(np.int64)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{name}: its labels cannot be read ({error!r}); expected whole numbers (M,)") from error
    if labels.dtype.kind not in "iuf" or not np.array_equal(whole, labels):
        raise DataError(f"{name}: its labels are {labels.dtype} {labels[:3]}, expected whole numbers (M,)")
    return whole


def _array(value: object) -> npt.NDArray[Any]:
    """Of tensors too, wherever they are and whatever is learnt of them."""
    found = value.detach().cpu() if hasattr(value, "detach") else value
    return np.asarray(found)
