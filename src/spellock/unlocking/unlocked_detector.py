"""A locked detector and its key: every image is edited with the key, and what is found comes back in its own pixels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ON_ERROR, OnError
from spellock.editors.base import Editor
from spellock.editors.registry import load_editor
from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.keyfile import load_key
from spellock.pixels import from_uint8
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detections import Detections
from spellock.tasks.pixel_model import PixelModel
from spellock.unlocking.image_names import digests
from spellock.unlocking.inputs import Inputs, Opened, Skipped, open_inputs, without_skipped
from spellock.unlocking.model_folder import open_model
from spellock.weightlocks.file_key import FileKey

_BATCH = 8


@dataclass(frozen=True, kw_only=True)
class DetectedImage:
    """What the model found in one image.

    Attributes:
        source: the path, or ``input 3`` for images without a name.
        found: in the image's own pixels, the lock category included and reported as it is.
        image: the image as it came, RGB.
    """

    source: str
    found: Detections
    image: Image.Image = field(repr=False)


class UnlockedDetector:
    """A locked detector that is used with a key. A wrong key raises nothing: the model then finds little or nonsense.

    Args:
        model: the locked detector.
        classes: its categories.
        editor: made from the key.
        device: where the model runs; the editor has its own.

    Raises:
        ModelError: the model is no detector, or not one name a category was given.
        ConfigError: the editor moves content away from its boxes.
    """

    def __init__(self, model: PixelModel, classes: Sequence[str], editor: Editor, *, device: str = "cpu") -> None:
        if not isinstance(model, DetectionModel):
            raise ModelError("got a classifier, expected a detector; use UnlockedModel")
        if len(classes) != model.num_classes:
            raise ModelError(f"got {len(classes)} names for {model.num_classes} categories, expected one each")
        if editor.moves_pixels:
            raise ConfigError("the key's editor moves content away from its boxes, so no detector was locked with it")
        self.model = model.to(device).eval()
        self.classes, self.editor, self._device = tuple(classes), editor, device

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        key: Key | str | Path,
        passphrase: str | None = None,
        device: str = "cpu",
        decrypt: FileKey | None = None,
    ) -> UnlockedDetector:
        """Load a locked detector's folder and its key; see `UnlockedModel.from_pretrained`."""
        loaded = open_model(Path(model), decrypt=decrypt)
        opened = key if isinstance(key, Key) else load_key(Path(key), passphrase=passphrase)
        return cls(loaded.model, loaded.classes, load_editor(opened, device=device), device=device)

    def predict(self, inputs: Inputs, *, on_error: OnError = "fail") -> list[DetectedImage]:
        """What is in one image or thousands, in order; always a list. Arguments and errors are those of
        `UnlockedModel.predict`."""
        return without_skipped(self.stream(inputs, on_error=on_error))

    def stream(
        self, inputs: Inputs, *, on_error: OnError = "fail", max_pixels: int = MAX_PIXELS
    ) -> Iterator[DetectedImage | Skipped]:
        """Like `predict`, one result an input as soon as its batch is done; at most a batch of images is in memory."""
        if on_error not in ON_ERROR:
            raise ConfigError(f'on_error is {on_error!r}, expected "fail" or "skip"')
        opened = open_inputs(inputs, skip_broken=on_error == "skip", max_pixels=max_pixels)
        while batch := list(itertools.islice(opened, max(_BATCH, self.editor.canonical_batch))):
            found = iter(self._batch([one for one in batch if isinstance(one, Opened)]))
            for one in batch:
                yield one if isinstance(one, Skipped) else next(found)

    @torch.inference_mode()
    def _batch(self, images: Sequence[Opened]) -> list[DetectedImage]:
        if not images:
            return []
        pixels = np.stack([self.editor.prepare(one.image) for one in images])
        edited = from_uint8(torch.from_numpy(self.editor.edit_uint8(pixels, digests(pixels))).permute(0, 3, 1, 2))
        found: list[Detections] = self.model(edited.contiguous().to(self._device))
        return [
            DetectedImage(source=one.source, found=seen.scaled((one.image.height, one.image.width)), image=one.image)
            for one, seen in zip(images, found, strict=True)
        ]
