"""Several findings an image: K sigmoid outputs, each a question of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

import numpy as np
import numpy.typing as npt
from torch import Tensor

from spellock.data.image_set import ImageSet, Labels, OnError
from spellock.data.label_vectors import MULTILABEL, checked_vectors, vectors
from spellock.data.open_labels import open_labels
from spellock.data.split_patients import take_patients
from spellock.data.write_labels import check_column_names, write_label_folder, write_label_parquet
from spellock.errors import ConfigError, DataError
from spellock.tasks.multilabel_loss import MultiLabelLoss
from spellock.tasks.registry import register_task
from spellock.tasks.task import Layout, Rows, Task

#: A finding of a few images in thousands would otherwise drown all others.
MOST_WEIGHT: Final = 20.0


@register_task
@dataclass(frozen=True, kw_only=True)
class MultiLabelTask(Task):
    """Labels are int64 (N, K), zeros and ones.

    Attributes:
        loss: ``bce``, binary cross-entropy, or ``asymmetric`` (arXiv 2009.14119).
        gamma_neg, gamma_pos: focusing of the asymmetric loss on negatives and positives, 0 or more.
        clip: probability below which a negative costs nothing, in [0, 1); the asymmetric loss only.
        positive_weights: ``balanced`` multiplies a finding's positive term by its negatives over its positives among
            the authorised training images, from 1 to 20; ``none`` leaves it.

    Raises:
        ConfigError: a value is out of range.
    """

    name: ClassVar[str] = MULTILABEL
    default_target: ClassVar[str] = "extra-label"
    hardened_target: ClassVar[str] = "decoy-findings"

    loss: Literal["bce", "asymmetric"] = "bce"
    gamma_neg: float = 4.0
    gamma_pos: float = 1.0
    clip: float = 0.05
    positive_weights: Literal["none", "balanced"] = "none"

    def __post_init__(self) -> None:
        if self.loss not in ("bce", "asymmetric"):
            raise ConfigError(f"got loss {self.loss!r}, expected bce or asymmetric")
        if min(self.gamma_neg, self.gamma_pos) < 0 or not 0 <= self.clip < 1:
            raise ConfigError(
                f"got gamma_neg {self.gamma_neg}, gamma_pos {self.gamma_pos} and clip {self.clip}, expected gammas of "
                "0 or more and a clip in [0, 1)"
            )
        if self.positive_weights not in ("none", "balanced"):
            raise ConfigError(f"got positive_weights {self.positive_weights!r}, expected none or balanced")

    def open_images(self, source: str | Path | object, *, split: str | None, on_error: OnError) -> ImageSet:
        """See `Task`."""
        return open_labels(source, split=split, on_error=on_error)

    def check_trainable(self, images: ImageSet) -> None:
        """See `Task`: at least two images, and a finding that some have and some have not."""
        if images.labels.ndim != 2:
            raise DataError(f"{images.name} has one label an image, expected a table with several findings")
        checked_vectors(images.labels, len(images.classes), images.name)
        if len(images) < 2:
            raise DataError(f"{images.name} holds {len(images)} images, expected at least two")
        if not images.labels.any() or images.labels.all():
            raise DataError(f"{images.name}: every label is the same, so there is nothing to learn; check the table")

    def take(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 1
    ) -> npt.NDArray[np.bool_]:
        """See `Task`; ``minimum`` and ``leave`` are of images, not of every finding."""
        taken = take_patients(images.labels, None, share, ranks)
        order = np.argsort(ranks, kind="stable")
        if taken.sum() < min(minimum, len(taken) - leave):
            taken[order[: min(minimum, len(taken) - leave)]] = True
        return taken

    def hold_out(
        self, images: ImageSet, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 2
    ) -> npt.NDArray[np.bool_]:
        """See `Task`; whole patients, so ``minimum`` and ``leave`` cannot be kept to."""
        return take_patients(images.labels, images.patients, share, ranks)

    def unlocked(self, labels: Labels, count: int) -> list[int]:
        """See `Task`: any image locks all findings, since all of its label is exchanged."""
        return [] if len(labels) else list(range(count))

    def strata(self, labels: Labels) -> Labels:
        """See `Task`: an image's rarest finding; K for those without any."""
        count = labels.shape[1]
        rarity = np.where(labels.sum(axis=0) > 0, labels.sum(axis=0), len(labels) + 1)
        rarest = np.where(labels == 1, rarity, len(labels) + 2).argmin(axis=1)
        strata: Labels = np.where(labels.any(axis=1), rarest, count).astype(np.int64)
        return strata

    def in_words(self, label: Any, classes: Sequence[str]) -> str:
        """See `Task`: the findings between bars, or "No Finding"."""
        return "|".join(name for name, one in zip(classes, label, strict=False) if one) or "No Finding"

    def widen(self, labels: Labels, count: int) -> Labels:
        """See `Task`: zeros for the classes that come after."""
        wider = np.zeros((len(labels), count), dtype=np.int64)
        wider[:, : labels.shape[1]] = labels
        return wider

    def align(self, labels: Labels, own: Sequence[str], classes: Sequence[str]) -> Labels:
        """See `Task`: zeros for classes that ``own`` does not have."""
        made = np.zeros((len(labels), len(classes)), dtype=np.int64)
        for place, name in enumerate(own):
            if name in classes:
                made[:, list(classes).index(name)] = labels[:, place]
        return made

    def pack(self, labels: Labels) -> list[Any]:
        """See `Task`: the numbers of each image's findings."""
        return [np.flatnonzero(row).tolist() for row in labels]

    def unpack(self, values: Sequence[Any], count: int) -> Labels:
        """See `Task`."""
        return vectors(values, count)

    def targets(self, labels: Labels) -> npt.NDArray[Any]:
        """See `Task`."""
        return labels.astype(np.float32)

    def check_names(self, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        check_column_names(classes)

    def write_released(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`: ``images`` and ``labels.csv``, or ``train.parquet``."""
        if layout == "parquet":
            folder.mkdir(parents=True)
            write_label_parquet(folder / "train.parquet", rows, classes)
        else:
            write_label_folder(folder, rows, classes)

    def write_held_out(self, folder: Path, rows: Rows, classes: Sequence[str], layout: Layout) -> None:
        """See `Task`."""
        self.write_released(folder, rows, classes, layout)

    def learner(self, classes: int, lock_class: int | None, labels: Labels) -> MultiLabelLoss:
        """See `Task`."""
        weights: tuple[float, ...] = ()
        if self.positive_weights == "balanced":
            positives = labels.sum(axis=0)
            balance = np.clip((len(labels) - positives) / np.maximum(positives, 1), 1.0, MOST_WEIGHT)
            weights = tuple(
                1.0 if place == lock_class or place >= len(balance) else float(balance[place])
                for place in range(classes)
            )
        asymmetric = (self.gamma_neg, self.gamma_pos, self.clip) if self.loss == "asymmetric" else None
        return MultiLabelLoss(num_classes=classes, asymmetric=asymmetric, positive_weights=weights)

    def probabilities(self, logits: Tensor) -> Tensor:
        """See `Task`: each for itself."""
        return logits.double().sigmoid()

    def answer(self, probabilities: npt.NDArray[np.float32], top: int | None) -> list[int]:
        """See `Task`: all findings."""
        return [int(place) for place in (-probabilities).argsort(kind="stable")[:top]]
