"""A locked model and its key: every image is edited with the key, then classified (ModelLock, section 3.2).

A wrong key raises nothing: the model then predicts badly, and nothing tells a guesser how near the guess was. A weight
key is put into the keyed model first, in memory; images are edited only if it holds an image key as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from spellock.data.decode import MAX_PIXELS
from spellock.editors.base import Editor
from spellock.errors import ConfigError, ModelError
from spellock.key import Key
from spellock.pixels import from_uint8
from spellock.tasks.checkpoint import LoadedModel
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task
from spellock.unlocking.image_names import GivenIds
from spellock.unlocking.inputs import Inputs, Opened, Skipped, open_inputs, without_skipped
from spellock.unlocking.model_folder import open_with_key
from spellock.unlocking.prediction import Prediction
from spellock.unlocking.prepared import prepared, use_key
from spellock.weightlocks.file_key import FileKey
from spellock.weightlocks.weight_key import WeightKey

_BATCH = 64


class UnlockedModel:
    """A locked model that is used with a key.

    Args:
        model: the locked model.
        classes: its class names in logit order.
        editor: made from the key; None for a model that wants images as they are.
        task: what its outputs are; classes that exclude each other by default.
        device: where the model runs; the editor has its own.

    Raises:
        ModelError: not one name a logit.
    """

    def __init__(
        self,
        model: PixelModel,
        classes: Sequence[str],
        editor: Editor | None,
        *,
        task: Task | None = None,
        device: str = "cpu",
    ) -> None:
        if len(classes) != model.num_classes:
            raise ModelError(
                f"got {len(classes)} class names for a model of {model.num_classes} classes, expected one each"
            )
        self.model = model.to(device).eval()
        self.classes = tuple(classes)
        self.editor = editor
        self.task = task or ClassificationTask()
        self._device = device

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
    ) -> UnlockedModel:
        """Load a locked model's folder and its key.

        Args:
            model: folder with ``model.safetensors`` and ``config.json``.
            key: the key, or a key file, of images or of weights. None for a model that encryption alone guards.
            passphrase: of an encrypted key file.
            device: for model and editor.
            check: refuse a keyed model that is not the weight key's. Without it a wrong one predicts badly.
            decrypt: the key of encrypted weights (`spellock weights encrypt`); they are decrypted into memory only.

        Raises:
            ConfigError: there is neither ``key`` nor ``decrypt``.
            ModelError: the folder is missing, damaged or no model, or not the weight key's.
            KeyFileError: the key file does not open, or ``decrypt`` is another model's.
            EditorError: the key's editor is unknown, or its weights are missing or others than the key was made with.
        """
        loaded, opened = open_with_key(model, key, passphrase, decrypt)
        return cls.from_loaded(loaded, opened, device=device, check=check)

    @classmethod
    def from_loaded(
        cls, loaded: LoadedModel, opened: Key | WeightKey | None, *, device: str = "cpu", check: bool = True
    ) -> UnlockedModel:
        """The same of a model that was read already, which a weight key changes in place."""
        editor = use_key(loaded, opened, device=device, check=check)
        return cls(loaded.model, loaded.classes, editor, task=loaded.task, device=device)

    def __call__(self, inputs: Inputs) -> list[Prediction]:
        """The same as `predict`."""
        return self.predict(inputs)

    def predict(
        self,
        inputs: Inputs,
        *,
        ids: Sequence[str] | None = None,
        on_error: Literal["fail", "skip"] = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> list[Prediction]:
        """Predictions for one image or thousands, in order; always a list.

        Args:
            inputs: see `spellock.unlocking.inputs.open_inputs`.
            ids: names for keys with noise per image; by default a digest of the image itself, so that a file's name and
                its neighbours change nothing.
            on_error: "fail" at an image that cannot be read, or "skip" it, named in the log.
            max_pixels: larger images are refused before decoding.

        Raises:
            DataError, PixelError: an image cannot be used; the message names it.
            ConfigError: not one id an image was given.
        """
        return without_skipped(self.stream(inputs, ids=ids, on_error=on_error, max_pixels=max_pixels))

    def stream(
        self,
        inputs: Inputs,
        *,
        ids: Sequence[str] | None = None,
        on_error: Literal["fail", "skip"] = "fail",
        max_pixels: int = MAX_PIXELS,
    ) -> Iterator[Prediction | Skipped]:
        """Like `predict`, one result an input as soon as its batch is done; at most a batch of images is in memory."""
        if on_error not in ("fail", "skip"):
            raise ConfigError(f'on_error is {on_error!r}, expected "fail" or "skip"')
        names = None if ids is None else GivenIds(ids)
        opened = open_inputs(inputs, skip_broken=on_error == "skip", max_pixels=max_pixels)
        step = 1 if self.editor is None else self.editor.canonical_batch
        size = max(1, _BATCH // step) * step
        while batch := list(itertools.islice(opened, size)):
            images = [one for one in batch if isinstance(one, Opened)]
            given = None if names is None else names.of(batch)
            predictions = iter(self._batch(images, given) if images else [])
            for one in batch:
                yield one if isinstance(one, Skipped) else next(predictions)
        if names is not None:
            names.check_spent()

    @torch.inference_mode()
    def _batch(self, images: Sequence[Opened], ids: list[str] | None) -> list[Prediction]:
        pixels = prepared(images, self.editor, self.model.input_size, ids)
        logits = self.model(from_uint8(torch.from_numpy(pixels).permute(0, 3, 1, 2)).contiguous().to(self._device))
        rows = self.task.probabilities(logits).float().cpu().numpy()
        return [self._prediction(one.source, row) for one, row in zip(images, rows, strict=True)]

    def _prediction(self, source: str, row: NDArray[np.float32]) -> Prediction:
        label = int(row.argmax())
        return Prediction(
            source=source,
            label=label,
            class_name=self.classes[label],
            probability=float(row[label]),
            probabilities=row,
        )
