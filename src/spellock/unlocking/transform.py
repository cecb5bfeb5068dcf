"""A key's edit as a transform in other people's pipelines: torchvision.transforms.v2, batched, on any device."""

from __future__ import annotations

from typing import Any

import numpy as np
import PIL.ExifTags
import PIL.Image
import torch
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import PixelError
from spellock.key import Key
from spellock.pixels import check_images, from_uint8, to_uint8

_PLACES = (tv_tensors.BoundingBoxes, tv_tensors.Mask, *filter(None, [getattr(tv_tensors, "KeyPoints", None)]))


class KeyedTransform(v2.Transform):
    """Edits images with a key; works alone and inside ``v2.Compose``, with labels, boxes and masks beside the images.

    Takes PIL images, and tensors or `tv_tensors.Image` of shape (3, R, R) or (N, 3, R, R), uint8 or float32 in [0, 1],
    R the key's resolution. Gives the same kind, type, shape and device back. PIL images may have any size and mode;
    they are read as when locking (upright, transparency on white, 16 bits scaled to 8) and squashed to the key's
    square, unless boxes or masks come with them. Labels pass through. Boxes and masks pass
    through when the editor leaves content in its place.

    Args:
        key: the key. It is needed in every process that runs the transform, and a key cannot be pickled: with worker
            processes that are started anew (spawn), make the transform inside them.
        device: PyTorch device of the editor; images may lie elsewhere.
        batch_size: see `Editor`.

    Raises:
        EditorError, ConfigError: the key's editor cannot be loaded.
        DataError: (when called) a PIL image is of a kind that is not understood.
        PixelError: (when called) images break the pixel contract or have another size, boxes or masks come with an
            editor that moves pixels or with an image to be turned, or the key draws noise per image, which has no name
            here.
    """

    # Boxes and masks are tensors too, and are not to be edited.
    _transformed_types = (PIL.Image.Image, tv_tensors.Image, lambda one: type(one) is Tensor)

    def __init__(self, key: Key, *, device: str = "cpu", batch_size: int | None = None) -> None:
        super().__init__()
        self._editor = load_editor(key, device=device, batch_size=batch_size)
        if self._editor.needs_ids:
            raise PixelError("the key draws noise per image, which needs names; use a key with noise shared")

    @property
    def editor(self) -> Editor:
        """The editor of the key."""
        return self._editor

    def check_inputs(self, flat_inputs: list[Any]) -> None:
        """Refuse boxes and masks that would no longer fit the edited image."""
        placed = [type(one).__name__ for one in flat_inputs if isinstance(one, _PLACES)]
        if placed and self._editor.moves_pixels:
            raise PixelError(
                f"got {placed[0]} with an image, but editor {self._editor.key.editor} moves pixels, so that they would "
                "no longer fit; use an editor that keeps content in its place"
            )
        side = self._editor.key.resolution
        for one in flat_inputs:
            if placed and isinstance(one, PIL.Image.Image) and one.size != (side, side):
                raise PixelError(
                    f"got {placed[0]} with an image of {one.width}x{one.height} pixels, expected the key's "
                    f"{side}x{side}; put v2.Resize(({side}, {side})) before this transform, which resizes both"
                )
            if placed and isinstance(one, PIL.Image.Image) and one.getexif().get(PIL.ExifTags.Base.Orientation, 1) != 1:
                raise PixelError(
                    f"got {placed[0]} with an image that its EXIF data turns, expected an upright one; turn both first "
                    "(PIL.ImageOps.exif_transpose for the image)"
                )
            if isinstance(one, tv_tensors.Video):
                raise PixelError("got a video, expected images; give its frames as a batch of images")

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """The edited image, of the kind of ``inpt``."""
        if isinstance(inpt, PIL.Image.Image):
            return PIL.Image.fromarray(self._editor.edit_uint8(np.stack([self._editor.prepare(inpt)]))[0])
        edited = self._edited(inpt.as_subclass(Tensor))
        return tv_tensors.wrap(edited, like=inpt) if isinstance(inpt, tv_tensors.Image) else edited

    def _edited(self, images: Tensor) -> Tensor:
        batch = images[None] if images.ndim == 3 else images
        if batch.dtype == torch.uint8:
            if batch.ndim != 4 or batch.shape[1] != 3:
                raise PixelError(
                    f"images to edit: got shape {tuple(images.shape)}, expected (3, R, R) or (N, 3, R, R); "
                    "convert grey images to RGB and put channels first"
                )
            edited = to_uint8(self._editor(from_uint8(batch)))
        else:
            edited = self._editor(check_images(batch, what="images to edit"))
        return edited.to(images.device).view(images.shape)

    def extra_repr(self) -> str:
        """Nothing of the key but its editor."""
        return f"editor={self._editor.key.editor!r}"
