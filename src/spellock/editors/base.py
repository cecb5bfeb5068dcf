"""What all editors share: checks of pixels, canonical batches, the blend of Eq. 1 and the rounding to bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from spellock.data.decode import decode_image
from spellock.editors.batches import Batches
from spellock.editors.undisturbed import undisturbed
from spellock.errors import ConfigError, PixelError
from spellock.key import Key
from spellock.pixels import check_images, from_uint8, to_uint8


class Editor(ABC):
    """A keyed image transform G: same key and same image give the same bytes, whatever else is edited with it.

    A new editor writes `transform` only, and may set ``canonical_batch`` before calling this constructor. What a key
    for it looks like, and which other keys are near, it may say with the class methods below.

    Args:
        key: the key; its blend, resolution and resize filter are used here, its settings by the editor.
        batch_size: largest batch worth trying; it changes speed, never a byte (see `spellock.editors.batches`).

    Raises:
        ConfigError: ``batch_size`` is not positive.
    """

    canonical_batch: int = 8
    #: Whether an image's name takes part in its edit; `__call__` then refuses to run without ids.
    needs_ids: bool = False
    #: Whether content changes its place; boxes and masks of the raw image then no longer fit the edited one.
    moves_pixels: bool = False
    #: Blend of a new key that is given none; triggers that are the whole edit themselves take 1.
    default_gamma: float = 0.5

    @classmethod
    def complete(cls, key: Key) -> Key:
        """A new key with what only the editor can fill in (digests of files), after checks that need the whole key.

        Raises:
            ConfigError, EditorError: the settings do not suit the key's resolution, or a file is not as it should be.
        """
        return key

    @classmethod
    def secret_matters(cls, key: Key) -> bool:
        """Whether the same key with another secret gives another edit."""
        return True

    @classmethod
    def near_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Wrong keys that a good guesser would try: another setting each, drawn from ``seed``; may go on for ever.

        None of them gives the same edit as ``key``. By default there are none, and other secrets are tried.
        """
        return iter(())

    @classmethod
    def half_keys(cls, key: Key, *, seed: int) -> Iterator[Key]:
        """Wrong keys that know one of several parts of the edit, drawn from ``seed``; may go on for ever.

        A model that is to answer to the whole edit alone must see edits of which a part is right. By default there are
        none: the edit is of one piece.
        """
        return iter(())

    @classmethod
    def leaked_keys(cls, key: Key, *, seed: int) -> Iterator[Sequence[Key]]:
        """Wrong keys of whoever has edited images: what can be read off those is right, the rest is guessed, drawn
        from ``seed``; may go on for ever. Each item holds guesses of which a thief would keep the nearest.

        By default there are none: nothing can be read off by itself.
        """
        return iter(())

    @classmethod
    def other_secrets(cls, key: Key, secrets: Iterable[bytes]) -> Iterator[Key]:
        """Wrong keys of those who know all but what is secret, one for each of ``secrets``.

        By default the same key with that secret, and none at all where the secret does not shape the edit. An editor
        whose secret lies elsewhere (a LoRA, private weights) gives keys without it.
        """
        return (key.replace(secret=secret) for secret in secrets if cls.secret_matters(key))

    @classmethod
    def parts_of(cls, key: Key) -> Sequence[Key]:
        """The keys that ``key`` is made of: by default itself."""
        return [key]

    @classmethod
    def with_parts(cls, key: Key, parts: Sequence[Key]) -> Key:
        """``key`` with the settings of other ``parts``, as many as `parts_of` gave; secrets of parts stay its own."""
        (part,) = parts
        return part

    def __init__(self, key: Key, *, batch_size: int | None = None) -> None:
        if batch_size is not None and batch_size < 1:
            raise ConfigError(f"got batch_size {batch_size}, expected 1 or more; leave it out for the editor's own")
        self.key = key
        self._batches = Batches(self.canonical_batch, largest=batch_size, kind=self.kernels())

    def kernels(self) -> Hashable | None:
        """What decides which kernels `transform` runs, equal for editors that differ in prompt or secret alone.

        None, the default: unknown, so every editor finds out for itself which sizes of a batch give the same bits.
        """
        return None

    @abstractmethod
    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x), float (B, 3, R, R) in [0, 1] on the CPU for ``images`` of the same shape.

        B is ``canonical_batch``, or another size while it is being shown to give the same bits.
        """

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Squash an image to the key's square, aspect ratio lost as in the paper's code; RGB uint8 (R, R, 3).

        Images of other modes or with metadata are read as everywhere (`spellock.data.decode.decode_image`): upright,
        transparency on white, 16 bits scaled to 8.

        Raises:
            DataError: the image is too large, truncated, or of a kind that is not understood.
        """
        side = self.key.resolution
        if image.mode != "RGB" or image.info:  # what was read so already has neither
            image = decode_image(image, name="the image to edit")
        resized = image.resize((side, side), Image.Resampling[self.key.resize.upper()])
        return np.asarray(resized, dtype=np.uint8).copy()

    def __call__(self, images: Tensor, ids: Sequence[str] | None = None) -> Tensor:
        """x' = (1 - gamma) x + gamma G(x) (Eq. 1), rounded to k/255.

        What the program has set for all of PyTorch (autocast, a default device, faster products) takes no part.

        Args:
            images: float32 (N, 3, R, R) in [0, 1], R the key's resolution, on any device.
            ids: one name per image; needed only by editors whose edit depends on it.

        Returns:
            float32 (N, 3, R, R), on the CPU.

        Raises:
            PixelError: the images break the pixel contract, have another size, or lack the ids that the key needs.
        """
        with torch.inference_mode(), undisturbed():
            levels = self._levels(images, ids)
        # Out here, since autograd refuses what is made in inference mode, and a model may be trained on it.
        return from_uint8(levels)

    def _levels(self, images: Tensor, ids: Sequence[str] | None) -> Tensor:
        """The result of `__call__` as uint8."""
        check_images(images, what="images to edit")
        images = images.detach().cpu()
        side = self.key.resolution
        if images.shape[-2:] != (side, side):
            raise PixelError(
                f"images to edit: got {images.shape[-2]}x{images.shape[-1]} pixels, expected the key's {side}x{side}; "
                "resize them with the editor's prepare()"
            )
        if ids is None and self.needs_ids and len(images):
            raise PixelError("images to edit: got no ids, but this key draws noise per image; pass one id per image")
        if ids is not None and len(ids) != len(images):
            raise PixelError(f"images to edit: got {len(ids)} ids for {len(images)} images, expected one id per image")
        names = list(ids) if ids is not None else [""] * len(images)
        if self.key.gamma == 0:
            return to_uint8(images)
        return _blend(images, to_uint8(self.transform_all(images, names)), self.key.gamma)

    def transform_all(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of any number of images, in batches that all give the same bits per image."""
        return self._batches.run(self.transform, images, ids)

    def edit_uint8(self, images: NDArray[np.uint8], ids: Sequence[str] | None = None) -> NDArray[np.uint8]:
        """The same edit on uint8 images (N, R, R, 3); returns uint8 (N, R, R, 3).

        Raises:
            PixelError: the array is not uint8 (N, R, R, 3), or as in `__call__`.
        """
        if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            got = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
            raise PixelError(f"images to edit: got {got}, expected uint8 (N, R, R, 3); stack images from prepare()")
        pixels = torch.tensor(np.ascontiguousarray(images), device="cpu")
        tensor = from_uint8(pixels.permute(0, 3, 1, 2).contiguous())
        edited: NDArray[np.uint8] = to_uint8(self(tensor, ids)).permute(0, 2, 3, 1).contiguous().numpy()
        return edited


def _blend(images: Tensor, edited: Tensor, gamma: float) -> Tensor:
    """Eq. 1 in levels of 0..255 and float64, rounded half to even; ``edited`` is uint8, as an image file would be.

    The paper's code blends the same way but cuts the fraction off, which darkens by half a level on average.
    """
    levels = images.double() * 255
    whole = levels.round()
    # Bytes divided by 255 come back as the integers they were, so that ties are ties on every machine.
    levels = torch.where((levels - whole).abs() < 1e-4, whole, levels)
    return ((1 - gamma) * levels + gamma * edited.double()).round().clamp(0, 255).to(torch.uint8)
