"""Everything that a holder of the weights alone reads from raw images, from logits collected once per condition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from spellock.errors import DataError
from spellock.evaluation.folds import Fold, RawReadings, cross_folds
from spellock.evaluation.hardened import Best, keyless_hits
from spellock.evaluation.judge import Halves, Judge, Question
from spellock.evaluation.judges import make_judge
from spellock.pixels import check_images, to_uint8
from spellock.tasks.batchnorm import has_batch_norm, recompute_batch_norm
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.collect import ImageSource, collect
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task


@dataclass(frozen=True, kw_only=True)
class Unlabelled:
    """Raw images without labels, none of them in the test set."""

    source: ImageSource
    count: int


def raw_readings(
    model: PixelModel,
    source: ImageSource,
    labels: NDArray[np.int64],
    split: Halves,
    *,
    unlabelled: Unlabelled | None = None,
    batch_norm: bool = True,
    batch_size: int = 64,
    seed: int = 0,
) -> dict[str, RawReadings]:
    """Readings of raw test images: under ``""`` as the model is, under ``"_bn"`` with BatchNorm statistics recomputed.

    Statistics and reference logits come from the ``unlabelled`` images; without them from the half of the test images
    that is not being scored. ``"_bn"`` is absent where the model has no BatchNorm.
    """
    everything, (first, second) = list(range(len(labels))), split
    spare = list(range(unlabelled.count)) if unlabelled else []

    def of(net: PixelModel, label: str) -> NDArray[np.float32]:
        return collect(net, source, everything, batch_size=batch_size, label=label)

    def given(net: PixelModel, logits: NDArray[np.float32], pool: Unlabelled) -> RawReadings:
        reference = collect(net, pool.source, spare, batch_size=batch_size, label="unlabelled raw images")
        fold = Fold(reference=reference, reference_labels=None, indices=np.arange(len(labels)), scored=logits)
        return RawReadings(unlabelled=(fold,), labelled=cross_folds(logits, labels, first, second))

    def crossed(logits: NDArray[np.float32], other: NDArray[np.float32] | None = None) -> RawReadings:
        folds = cross_folds(logits, labels, first, second, other)
        return RawReadings(unlabelled=folds, labelled=folds)

    def recomputed(pool: ImageSource, indices: Sequence[int]) -> PixelModel:
        return recompute_batch_norm(model, pool, indices, batch_size=batch_size, seed=seed)

    raw = of(model, "raw images")
    readings = {"": given(model, raw, unlabelled) if unlabelled else crossed(raw)}
    if batch_norm and has_batch_norm(model):
        label = "raw images, BatchNorm recomputed"
        if unlabelled:
            net = recomputed(unlabelled.source, spare)
            readings["_bn"] = given(net, of(net, label), unlabelled)
        else:
            one, other = (of(recomputed(source, list(map(int, half))), label) for half in split)
            readings["_bn"] = crossed(one, other)
    return readings


def figures_of(
    readings: dict[str, RawReadings], labels: NDArray[np.int64], lock_class: int | None
) -> dict[str, NDArray[np.bool_]]:
    """Hits (N,) of ``lp``, ``lp_suppressed``, ``lp_centred``, ``lp_permuted`` and of each with ``_bn``."""
    return {
        name + mode: hits
        for mode, reading in readings.items()
        for name, hits in keyless_hits(reading, labels, lock_class).items()
    }


@dataclass(frozen=True, kw_only=True)
class QuickHardenedLP:
    """Hardened LP without wrong keys, and the figures (shares in [0, 1]) that it was chosen from."""

    best: Best
    figures: dict[str, float]

    @property
    def value(self) -> float:
        """Chosen on one half, scored on the other; in [0, 1]."""
        return self.best.honest.value


def hardened_lp(
    model: PixelModel,
    images: NDArray[np.uint8] | torch.Tensor,
    labels: NDArray[np.int64],
    *,
    lock_class: int | None,
    task: Task | None = None,
    patients: Sequence[str] | None = None,
    batch_norm: bool = True,
    batch_size: int = 256,
    seed: int = 0,
) -> QuickHardenedLP:
    """The highest keyless figure but for wrong keys: cheap enough to choose a checkpoint by during training.

    Args:
        images: raw images, uint8 (N, H, W, 3) or float32 (N, 3, H, W) in [0, 1].
        labels: (N,) their true classes, or (N, K) zeros and ones over all of the model's outputs.
        lock_class: index of the lock class, or ``None``.
        task: what the labels are; classification by default.
        patients: whom each image is of.
        batch_norm: also with BatchNorm statistics recomputed; costs two more passes.

    Raises:
        DataError: fewer than four images, or not one label an image.
        PixelError: the images break the pixel contract.
        ConfigError: the lock class is among the labels.
    """
    pixels = check_pixels(images)
    labels = np.asarray(labels, dtype=np.int64)
    if len(labels) != len(pixels) or len(labels) < 4:
        raise DataError(
            f"got {len(pixels)} images and labels of shape {labels.shape}, expected one label each and at least 4"
        )
    names = tuple(str(place) for place in range(labels.shape[-1])) if labels.ndim == 2 else ()
    question = Question(labels=labels, classes=names, lock=lock_class, patients=patients, seed=seed)
    judge: Judge = make_judge(task or ClassificationTask(), question)
    readings = raw_readings(
        model,
        lambda chosen: [pixels[i] for i in chosen],
        labels,
        judge.split,
        batch_norm=batch_norm,
        batch_size=batch_size,
        seed=seed,
    )
    candidates = judge.readings(readings)
    figures = {name: candidate.worth() for name, candidate in candidates.items()}
    return QuickHardenedLP(best=judge.hardened(candidates), figures=figures)


def check_pixels(images: NDArray[np.uint8] | torch.Tensor) -> NDArray[np.uint8]:
    """uint8 (N, H, W, 3) from such an array or from float32 (N, 3, H, W) in [0, 1].

    Raises:
        PixelError, DataError: neither of the two.
    """
    if isinstance(images, torch.Tensor):
        return to_uint8(check_images(images)).permute(0, 2, 3, 1).cpu().numpy()
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
        raise DataError(f"got images of {images.dtype} and shape {images.shape}, expected uint8 of shape (N, H, W, 3)")
    return images
