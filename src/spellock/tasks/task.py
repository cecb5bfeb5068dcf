"""Tasks: what the rooms above need to know of the kind of labels.

A room asks the task object; it never compares names. A new task is a class here and, where a room needs more of it than
these methods (readings of logits, say), an entry in that room's own table of implementations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spellock.data.image_set import ImageSet, Labels, OnError
from spellock.errors import ModelError
from spellock.tasks.detection_model import DetectionModel
from spellock.tasks.pixel_model import PixelModel

Rows = Iterable[tuple[str, Any, bytes]]
Layout = Literal["folder", "parquet"]


class Learner(Protocol):
    """What a model of a task is trained with."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar."""
        ...


class Task(ABC):
    """One kind of labels. Instances are frozen dataclasses whose fields are the task's options.

    Attributes:
        name: in the registry, and in a model's config.json.
        default_target: lock target where none is asked for.
        hardened_target: the one against a thief who does not play along; empty where the task has none.
        has_tiers: whether keys that release groups of classes make sense.
        has_boxes: whether labels are objects with a place in the image, and models are detectors.
        default_batch: images a training step where nobody says; None for the usual number.
    """

    name: ClassVar[str]
    default_target: ClassVar[str]
    hardened_target: ClassVar[str] = ""
    has_tiers: ClassVar[bool] = False
    has_boxes: ClassVar[bool] = False
    default_batch: ClassVar[int | None] = None

    @abstractmethod
    def open_images(self, source: str | Path | object, *, split: str | None, on_error: OnError) -> ImageSet:
        """Open labelled images of this task; see `open_images` and `open_labels`."""

    @abstractmethod
    def check_trainable(self, images: ImageSet) -> None:
        """Check that a model can be trained on ``images``.

        Raises:
            DataError: it cannot; the message says what is missing.
        """

    def squashed(self, images: ImageSet, side: int, how: str) -> ImageSet:
        """``images`` with labels for pictures squashed to ``side`` pixels squared with the filter ``how``; by default
        they are the same labels."""
        return images

    def check_edit(self, *, moves_pixels: bool) -> None:
        """Check that labels still fit edited images.

        Raises:
            ConfigError: they do not, as where content moves away from its box.
        """
        return

    def check_model(self, model: PixelModel, images: ImageSet) -> None:
        """Check that a model can learn this task on ``images``.

        Raises:
            ModelError: it cannot.
        """
        if isinstance(model, DetectionModel):
            raise ModelError(f"the task {self.name} needs a classifier, got the detector {model.architecture}")

    @abstractmethod
    def take(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 1
    ) -> npt.NDArray[np.bool_]:
        """Mark ``share`` of the images, bool (N,), like in their labels to the rest; ``ranks`` are a random order.

        ``minimum`` and ``leave``: least number taken and left of a class, where the task can keep to it.
        """

    @abstractmethod
    def hold_out(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 2
    ) -> npt.NDArray[np.bool_]:
        """The same for images that shall have nothing to do with the rest: a patient's are all taken or all left."""

    @abstractmethod
    def unlocked(self, labels: Labels, count: int) -> list[int]:
        """Numbers of the ``count`` classes that nothing would lock, if ``labels`` are all that unauthorised images
        have."""

    @abstractmethod
    def strata(self, labels: Labels) -> Labels:
        """int64 (N,): images with the same number are alike in their labels."""

    @abstractmethod
    def in_words(self, label: Any, classes: Sequence[str]) -> str:
        """An image's label for people."""

    @abstractmethod
    def widen(self, labels: Labels, count: int) -> Labels:
        """A copy of ``labels`` with room for ``count`` classes."""

    @abstractmethod
    def align(self, labels: Labels, own: Sequence[str], classes: Sequence[str]) -> Labels:
        """``labels`` over the classes ``own`` as labels over ``classes``, which have all that are used."""

    @abstractmethod
    def pack(self, labels: Labels) -> list[Any]:
        """Labels as JSON values, one an image."""

    @abstractmethod
    def unpack(self, values: Sequence[Any], count: int) -> Labels:
        """The inverse of `pack`, with ``count`` classes."""

    @abstractmethod
    def targets(self, labels: Labels) -> npt.NDArray[Any]:
        """What training takes for ``labels``: int64 (N,) or float32 (N, K)."""

    @abstractmethod
    def check_names(self, classes: Sequence[str], layout: Layout) -> None:
        """Check that a set of these classes can be written.

        Raises:
            DataError: names a class that cannot.
        """

    @abstractmethod
    def write_released(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """Write a locked set from (name, label, PNG bytes), sorted by name; ``folder`` must not exist."""

    @abstractmethod
    def write_held_out(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """Write images for the owner in the same way."""

    @abstractmethod
    def learner(self, classes: int, lock_class: int | None, labels: Labels) -> Learner:
        """What a model of ``classes`` outputs is trained with.

        Args:
            labels: of the authorised training images, over the outputs or the first of them.
        """

    @abstractmethod
    def probabilities(self, logits: Tensor) -> Tensor:
        """float64 (N, K) in [0, 1] from logits (N, K)."""

    @abstractmethod
    def answer(self, probabilities: npt.NDArray[np.float32], top: int | None) -> list[int]:
        """Classes to name for an image with ``probabilities`` (K,), most probable first: ``top`` of them, or as many
        as the task names."""
