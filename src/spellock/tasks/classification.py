"""Single-label classification: loss, lock class and accuracy; and all that is done with one class number an image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import Tensor

from spellock.artefacts import write_json
from spellock.data.image_set import ImageSet, Labels, OnError, check_trainable
from spellock.data.open_images import open_images
from spellock.data.split import stratified_take
from spellock.data.write_folder import CONSTANT_TIME, check_folder_names, write_image_folder
from spellock.data.write_parquet import write_parquet
from spellock.errors import ConfigError, DataError
from spellock.tasks.registry import register_task
from spellock.tasks.task import Layout, Rows, Task


@dataclass(frozen=True, kw_only=True)
class Classification:
    """What a classifier learns and how well it does.

    Attributes:
        num_classes: width of the logits, lock class included.
        lock_class: index of the class that unauthorised inputs are sent to; None where there is none.
        label_smoothing: share of the probability spread evenly over all classes, in [0, 1).
    """

    num_classes: int
    lock_class: int | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.num_classes < 2:
            raise ConfigError(f"got {self.num_classes} classes, expected at least 2; one class says nothing")
        if self.lock_class is not None and not 0 <= self.lock_class < self.num_classes:
            raise ConfigError(f"got lock class {self.lock_class}, expected 0 to {self.num_classes - 1}")
        if not 0.0 <= self.label_smoothing < 1.0:
            raise ConfigError(f"got label smoothing {self.label_smoothing}, expected a number in [0, 1)")

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over the batch, the L of Eq. 2 of ModelLock.

        The mean over a batch with share s of unauthorised images is (1 - s) times the learning task plus s times the
        locking task; with s = 0.5 it is Eq. 2 itself, halved.

        Args:
            logits: float (N, K).
            targets: labels, int64 (N,), or probabilities, float (N, K).

        Raises:
            DataError: the logits have another width than the task has classes.
        """
        if logits.shape[-1] != self.num_classes:
            raise DataError(
                f"got logits of {logits.shape[-1]} classes, expected {self.num_classes}; "
                "create the model with the task's number of classes"
            )
        return F.cross_entropy(logits.float(), targets, label_smoothing=self.label_smoothing)

    def imitation(self, logits: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
        """Mean cross-entropy between the softened answers of a teacher and a student (Hinton et al. 2015, section 2).

        Args:
            logits: the student's, float (N, R), of the classes that the teacher knows.
            teacher: float (N, R).
            temperature: T above 0, by which both are divided.
        """
        return F.cross_entropy(logits.float() / temperature, (teacher.float() / temperature).softmax(1))

    def accuracy(self, logits: Tensor, labels: Tensor) -> float:
        """Share of (N, K) logits whose largest entry is at the label (N,), lock class included; in [0, 1]."""
        return float((logits.argmax(1) == labels).double().mean())


@register_task
@dataclass(frozen=True, kw_only=True)
class ClassificationTask(Task):
    """One class an image: labels are int64 (N,), each in [0, K)."""

    name: ClassVar[str] = "classification"
    default_target: ClassVar[str] = "new-class"
    hardened_target: ClassVar[str] = "decoy-task"
    has_tiers: ClassVar[bool] = True

    def open_images(self, source: str | Path | object, *, split: str | None, on_error: OnError) -> ImageSet:
        """See `Task`."""
        return open_images(source, split=split, on_error=on_error)

    def check_trainable(self, images: ImageSet) -> None:
        """See `Task`."""
        check_trainable(images)

    def take(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 1
    ) -> npt.NDArray[np.bool_]:
        """See `Task`."""
        return stratified_take(images.labels, share, ranks, minimum=minimum, leave=leave)

    def hold_out(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 2
    ) -> npt.NDArray[np.bool_]:
        """See `Task`."""
        return stratified_take(images.labels, share, ranks, minimum=minimum, leave=leave)

    def unlocked(self, labels: Labels, count: int) -> list[int]:
        """See `Task`: classes without an image."""
        return [int(label) for label in np.flatnonzero(np.bincount(labels, minlength=count) == 0)]

    def strata(self, labels: Labels) -> Labels:
        """See `Task`: the classes themselves."""
        return labels

    def in_words(self, label: Any, classes: Sequence[str]) -> str:
        """See `Task`."""
        return classes[int(label)]

    def widen(self, labels: Labels, count: int) -> Labels:
        """See `Task`."""
        return labels.copy()

    def align(self, labels: Labels, own: Sequence[str], classes: Sequence[str]) -> Labels:
        """See `Task`."""
        places = {name: place for place, name in enumerate(classes)}
        return np.array([places[own[label]] for label in labels], dtype=np.int64)

    def pack(self, labels: Labels) -> list[Any]:
        """See `Task`: class numbers."""
        return list(labels.tolist())

    def unpack(self, values: Sequence[Any], count: int) -> Labels:
        """See `Task`."""
        return np.array(values, dtype=np.int64)

    def targets(self, labels: Labels) -> npt.NDArray[Any]:
        """See `Task`."""
        return labels

    def check_names(self, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        if layout == "folder":
            check_folder_names(classes)

    def write_released(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`: ``images/<class>``, or ``train.parquet``."""
        folder.mkdir()
        if layout == "parquet":
            write_parquet(folder / "train.parquet", rows, classes)
        else:
            write_image_folder(folder / "images", rows, classes)
            # Services number classes alphabetically; this keeps the real order, an extra class last.
            write_json(folder / "classes.json", {"classes": list(classes)})
            os.utime(folder / "classes.json", (CONSTANT_TIME, CONSTANT_TIME))

    def write_held_out(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        if layout == "parquet":
            folder.mkdir(parents=True)
            write_parquet(folder / "validation.parquet", rows, classes)
        else:
            write_image_folder(folder, rows, classes)

    def learner(self, classes: int, lock_class: int | None, labels: Labels) -> Classification:
        """See `Task`."""
        return Classification(num_classes=classes, lock_class=lock_class)

    def probabilities(self, logits: Tensor) -> Tensor:
        """See `Task`: they add up to 1."""
        return logits.double().softmax(dim=1)

    def answer(self, probabilities: npt.NDArray[np.float32], top: int | None) -> list[int]:
        """See `Task`: the most probable class."""
        return [int(place) for place in (-probabilities).argsort(kind="stable")[: top or 1]]
