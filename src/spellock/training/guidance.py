"""What an objective needs besides the training images: a teacher, and the images' raw versions to ask it about."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor
from torch.utils.data import Dataset

from spellock.errors import ConfigError, DataError, ModelError
from spellock.tasks.checkpoint import tensors_of
from spellock.tasks.pixel_model import PixelModel
from spellock.training.objectives import Objective
from spellock.training.sources import open_source


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """An objective, its teacher and the raw versions of training images.

    Attributes:
        objective: what is minimised; a dataclass.
        teacher: the owner's plain model; it is put on the device in evaluation mode and does not learn.
        images: raw versions, uint8 (M, 3, H, W) or (M, H, W, 3) of the training images' size, or a map-style data set;
            may be the training images themselves where these hold every raw version.
        places: int64 (N,), for each training image the place of its raw version in ``images``; -1 where there is none.
        columns: for each class of the teacher its number among the model's classes.

    Raises:
        ConfigError: the objective is no dataclass, so that its settings cannot be told from those of another run.
        ModelError: the teacher has another number of classes than ``columns``.
    """

    objective: Objective
    teacher: PixelModel
    images: NDArray[np.uint8] | Tensor | Dataset[object]
    places: NDArray[np.int64]
    columns: tuple[int, ...]

    def __post_init__(self) -> None:
        if not is_dataclass(self.objective):
            raise ConfigError(f"the objective {type(self.objective).__name__} is no dataclass; declare it as one")
        if self.teacher.num_classes != len(self.columns):
            raise ModelError(
                f"the teacher has {self.teacher.num_classes} classes, expected {len(self.columns)}, the real classes "
                "without the lock class; give a plain model that was trained on the same classes"
            )

    def identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be continued: settings, the teacher's weights, the twins."""
        weights = save(tensors_of(self.teacher.network))
        places = np.ascontiguousarray(self.places).tobytes() + repr(self.columns).encode()
        return {
            "objective": repr(self.objective),
            "teacher": hashlib.sha256(weights).hexdigest(),
            "twins": hashlib.sha256(places).hexdigest(),
            "twin_pixels": open_source(self.images, workers=0).identity(),
        }


def check_guidance(
    guidance: Guidance, authorised: NDArray[np.bool_] | None, *, versions: int, model: PixelModel, mixed: bool
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Two times bool (N,): authorised images, and those whose raw version the teacher is asked about.

    Args:
        authorised: bool (N,), images that the model shall work on.
        versions: how many raw versions there are.
        model: the student.
        mixed: whether mixup or CutMix blend images.

    Raises:
        ConfigError: it is not said which images are authorised, teacher and student are one, or images lack a raw
            version that would need one.
        DataError: not one place an image, or a place beyond the raw versions, or a column beyond the student's classes.
    """
    if authorised is None:
        raise ConfigError("an objective needs to know which images are authorised; pass authorised= (bool, one each)")
    if guidance.teacher is model:
        raise ConfigError("teacher and student are the same object; load the model twice")
    places, columns = guidance.places, guidance.columns
    if len(set(columns)) < len(columns) or not 0 <= min(columns) <= max(columns) < model.num_classes:
        raise DataError(f"columns: got {columns}, expected different numbers from 0 to {model.num_classes - 1}")
    if places.shape != authorised.shape or not np.issubdtype(places.dtype, np.integer):
        raise DataError(
            f"places: got {places.dtype} of shape {places.shape}, expected int64 of shape {authorised.shape}"
        )
    if not -1 <= int(places.min()) <= int(places.max()) < versions:
        raise DataError(
            f"places: got {places.min()} to {places.max()} for {versions} raw versions, expected -1 to {versions - 1}"
        )
    everyone = guidance.objective.asks == "all"
    asked = np.ones_like(authorised) if everyone else authorised
    missing = int((asked & (places < 0)).sum())
    if missing and (everyone or mixed):
        why = "the objective asks about all images" if everyone else "mixup and CutMix blend them with others"
        raise ConfigError(
            f"{missing} images have no raw version, but {why}; give one for each, or choose other settings"
        )
    return authorised, asked & (places >= 0)
