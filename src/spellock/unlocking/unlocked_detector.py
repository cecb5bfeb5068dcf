"""A locked detector and its key: every image is edited with the key, and what is found comes back in its own pixels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from spellock.data.decode import MAX_PIXELS
from spellock.data.image_set import ON_ERROR, OnError
from spellock.editors.base import Editor
from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.pixels import from_uint8
from spellock.tasks.checkpoint import LoadedModel
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.detections import Detections
from spellock.tasks.pixel_model import PixelModel
from spellock.unlocking.inputs import Inputs, Opened, Skipped, open_inputs, without_skipped
from spellock.unlocking.model_folder import open_with_key
from spellock.unlocking.prepared import prepared, use_key
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.weight_key import WeightKey

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
        model: the locked detector, unlocked where weights are its key.
        classes: its categories.
        editor: made from the key of images; None for a key of weights alone.
        device: where the model runs; the editor has its own.

    Raises:
        ModelError: the model is no detector, or not one name a category was given.
        ConfigError: the editor moves content away from its boxes.
    """

    def __init__(
        self, model: PixelModel, classes: Sequence[str], editor: Editor | None, *, device: str = "cpu"
    ) -> None:
        if not isinstance(model, DetectionModel):
            raise ModelError("got a classifier, expected a detector; use UnlockedModel")
        if len(classes) != model.num_classes:
            raise ModelError(f"got {len(classes)} names for {model.num_classes} categories, expected one each")
        if editor is not None and editor.moves_pixels:
            raise ConfigError("the key's editor moves content away from its boxes, so no detector was locked with it")
        self.model = model.to(device).eval()
        self.classes, self.editor, self._device = tuple(classes), editor, device

    @classmethod
    def from_pretrained(
        cls,
        model: str | Path,
        *,
        key: Key | WeightKey | str | Path | None,
        passphrase: str | None = None,
        device: str = "cpu",
        check: bool = True,
        decrypt: FileKey | None = None,
    ) -> UnlockedDetector:
        """Load a locked detector's folder and its key; see `UnlockedModel.from_pretrained`."""
        loaded, opened = open_with_key(model, key, passphrase, decrypt)
        return cls.from_loaded(loaded, opened, device=device, check=check)

    @classmethod
    def from_loaded(
        cls, loaded: LoadedModel, opened: Key | WeightKey | None, *, device: str = "cpu", check: bool = True
    ) -> UnlockedDetector:
        """The same of a detector that was read already, which a weight key changes in place."""
        editor = use_key(loaded, opened, device=device, check=check)
        return cls(loaded.model, loaded.classes, editor, device=device)

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
        size = _BATCH if self.editor is None else max(_BATCH, self.editor.canonical_batch)
        while batch := list(itertools.islice(opened, size)):
            found = iter(self._batch([one for one in batch if isinstance(one, Opened)]))
            for one in batch:
                yield one if isinstance(one, Skipped) else next(found)

    @torch.inference_mode()
    def _batch(self, images: Sequence[Opened]) -> list[DetectedImage]:
        if not images:
            return []
        pixels = torch.from_numpy(prepared(images, self.editor, self.model.input_size))
        found: list[Detections] = self.model(from_uint8(pixels.permute(0, 3, 1, 2)).contiguous().to(self._device))
        return [
            DetectedImage(source=one.source, found=seen.scaled((one.image.height, one.image.width)), image=one.image)
            for one, seen in zip(images, found, strict=True)
        ]
