"""Detection sets as torchvision's reference code has them: pairs of an image and a dictionary of tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from spellock.data.annotation import Annotation
from spellock.data.box_checks import Complaints, FoundObject, gather
from spellock.data.box_set import BoxSet
from spellock.data.decode import MAX_PIXELS, decode_image
from spellock.data.image_set import ImageSet, OnError
from spellock.data.rle import encode
from spellock.data.torchvision_set import Pairs
from spellock.errors import DataError


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
    read: list[tuple[int, Image.Image, Mapping[str, Any]]] = []
    for index in range(len(pairs)):
        where = f"{name}#{index}"
        item = pairs[index]
        if not isinstance(item, Sequence) or len(item) != 2 or not isinstance(item[1], Mapping):
            raise DataError(
                f"{where} is a {type(item).__name__}, expected an image and a dictionary of boxes and labels"
            )
        try:
            read.append((index, _image(item[0], where, max_pixels), item[1]))
        except DataError as error:
            complain(str(error))
    if not read:
        raise DataError(f"{name} holds no images; expected pairs of an image and its boxes")
    highest = max((int(np.asarray(t.get("labels", ())).max(initial=0)) for _, _, t in read), default=0)
    given = classes if classes is not None else getattr(pairs, "classes", None)
    names = [str(one) for one in given] if given is not None else [str(number + 1) for number in range(highest)]
    masks = all("masks" in target for _, _, target in read)
    annotations = [_annotation(f"{name}#{i}", im.size[::-1], t, len(names), complain, masks) for i, im, t in read]
    kept = [index for index, _, _ in read]

    def again(place: int) -> Image.Image:
        return _image(pairs[kept[place]][0], annotations[place].id, max_pixels)  # type: ignore[index]  # checked above

    return BoxSet(name, annotations, names, again, on_error=on_error)


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


def _annotation(
    name: str, size: tuple[int, int], target: Mapping[str, Any], count: int, complain: Complaints, masks: bool
) -> Annotation:
    try:
        boxes = np.asarray(target["boxes"], dtype=np.float64).reshape(-1, 4)
        labels = np.asarray(target["labels"], dtype=np.int64).reshape(-1)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"{name}: boxes or labels cannot be read ({error!r}); expected (M, 4) and (M,)") from error
    shapes = np.asarray(target["masks"]).astype(bool).reshape(-1, *np.shape(target["masks"])[-2:]) if masks else None
    crowd = np.asarray(target.get("iscrowd", np.zeros(len(labels)))).astype(bool)
    if not len(boxes) == len(labels) == len(crowd) or (shapes is not None and len(shapes) != len(labels)):
        raise DataError(f"{name}: got {len(boxes)} boxes for {len(labels)} labels, expected one each, masks too")
    found = []
    for place, (box, label) in enumerate(zip(boxes.tolist(), labels.tolist(), strict=True)):
        where = f"{name} object {place}"
        if not 1 <= label <= count:
            complain(f"{where}: its label is {label}, expected 1 to {count}, for 0 is the background")
        elif shapes is not None and shapes[place].shape != size:
            complain(f"{where}: its mask is of shape {shapes[place].shape}, expected the image's {size}")
        else:
            left, top, right, bottom = box
            mask = None if shapes is None else encode(shapes[place])
            found.append(
                FoundObject(
                    box=(left, top, right, bottom), label=label - 1, where=where, mask=mask, crowd=bool(crowd[place])
                )
            )
    return gather(name, size, found, complain, masks=masks)
