"""A new key for a keyed model: fine-tune inside the key, and the model that everyone has stays as it is (AdaLoc)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn

from spellock.data.image_set import ImageSet, Labels
from spellock.errors import ConfigError, DataError
from spellock.progress import track
from spellock.recipes.scores import can_judge, plain_score
from spellock.recipes.selection import SCORE
from spellock.tasks.checkpoint import load_model
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task
from spellock.training.config import FinetuneConfig
from spellock.training.finetune import Validate, finetune
from spellock.training.sampler import PlainSampler
from spellock.training.seeds import numpy_generator
from spellock.weightlocks.confine import Confinement
from spellock.weightlocks.deltas import standing_values
from spellock.weightlocks.states import INDEX_FILE, WEIGHTS_FILE, ModuleState
from spellock.weightlocks.unlocking import check_outside, check_whole, key_values, unlock_module
from spellock.weightlocks.value_coding import EXACT
from spellock.weightlocks.weight_key import WeightKey


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """The key of the next version, and what it opens is worth on held-out images.

    Attributes:
        score: accuracy, macro AUROC or AP of boxes, by the task, in [0, 1]; None where nothing was held out.
        measure: which of these, in a word; empty where nothing was held out.
    """

    key: WeightKey
    score: float | None
    measure: str


def adapt(
    keyed: Path,
    key: WeightKey,
    images: ImageSet,
    out: Path,
    training: FinetuneConfig,
    *,
    validation: float = 0.1,
    rounded_from: float = 0.0,
    device: str = "cpu",
) -> Adapted:
    """Fine-tune the model of ``keyed`` and ``key`` on ``images``, every update confined to the key.

    Nothing outside the key changes by a bit, which is checked at the end, so the keyed model stays what it is and old
    keys open their own version. The run resumes: call it again with the same arguments after an interruption.

    Args:
        keyed: folder of the keyed model.
        images: labelled as the model's task has it; their classes are all of the model's, or some.
        out: folder for the run's logs and checkpoints, which is no model's. They hold the whole model: keep it secret.
        validation: share of every class held out for choosing the best epoch, in [0, 0.5]; 0 takes the last.
        rounded_from: after which share of the steps a key of 4 bits learns on what it can hold, in [0, 1]. Before that
            the best epoch is chosen by what the key would open, too. Two thirds were better than 0 for some networks
            and worse for others (docs/weightlocks_results.md): try both.

    Raises:
        ConfigError: the key does not fit the model or is a part of a key, or wants edited images; or ``out`` lies in a
            model's folder.
        DataError: the images have classes that the model has not, or are too few.
        ModelError: the keyed model is not the key's.
    """
    if key.image_key is not None:
        raise ConfigError(
            "the key wants edited images as well, expected a key of weights alone; lock a set of images with its image "
            "key first, and train on that with spellock.weightlocks.confine.confine"
        )
    check_whole(key)
    _check_out(out, keyed)
    if not 0 <= validation <= 0.5:
        raise ConfigError(f"validation is {validation}, expected a share from 0 to 0.5")
    if not 0 <= rounded_from <= 1:
        raise ConfigError(f"rounded_from is {rounded_from}, expected a share of the steps from 0 to 1")
    loaded = load_model(keyed)
    model, network, task = loaded.model, loaded.model.network, loaded.task
    task.check_trainable(images)
    state = ModuleState(network, known=key.digests)
    standing = standing_values(state, key)
    unlock_module(network, key)
    task.check_model(model, images)
    images = task.squashed(images, model.input_size, "bicubic")
    pixels = _squashed(images, model.input_size)
    labels = _labels(images, loaded.classes, task)
    ranks = numpy_generator(training.seed, "held out").integers(0, 2**63, len(labels), dtype=np.uint64)
    held = task.hold_out(images, validation, ranks)
    judged = held.any() and can_judge(task, labels[held])
    score = plain_score(task, pixels[held], labels[held]) if judged else None
    measure = "" if score is None else score.measure
    steps = training.epochs * PlainSampler(int((~held).sum()), batch_size=training.batch_size, seed=training.seed).steps
    confined = _Confined(key, network, exact_steps=int(steps * rounded_from))
    result = finetune(
        model,
        pixels[~held],
        task.targets(labels[~held]),
        task.learner(len(loaded.classes), loaded.config.get("lock_class"), labels[~held]),
        training,
        out,
        confine=confined,
        validate=None if score is None else partial(confined.judged, score),
        select=SCORE,
        device=device,
    )
    state = ModuleState(network, known=key.digests)
    check_outside(state, key, what="the trained model")
    new = key.replace(values=key_values(state, key, standing), version=key.version + 1)
    if new.coding == EXACT or score is None:
        return Adapted(key=new, score=result.best_score, measure=measure)
    # The key rounds what was learnt; what counts is the model that it opens.
    for name, values in standing.items():
        key.places[name].put(state.tensors[name], values)
    unlock_module(network, new, check=False)
    return Adapted(key=new, score=score(model)[SCORE], measure=measure)


def _check_out(out: Path, keyed: Path) -> None:
    """The run's configuration would replace the model's, and its checkpoints lie in what everyone gets."""
    if out.resolve().is_relative_to(keyed.resolve()) or any(
        (out / name).exists() for name in (WEIGHTS_FILE, INDEX_FILE)
    ):
        raise ConfigError(
            f"got {out} for logs and checkpoints, which is a model's folder; take one of its own, for they hold the "
            "whole model"
        )


class _Confined:
    """Begins the confinement when there is an optimiser, and judges the model by what its key would open."""

    def __init__(self, key: WeightKey, network: nn.Module, *, exact_steps: int) -> None:
        self._key, self._network, self._exact_steps = key, network, exact_steps
        self._confinement: Confinement | None = None

    def __call__(self, optimizer: torch.optim.Optimizer) -> Confinement:
        self._confinement = Confinement(optimizer, self._key, self._network, exact_steps=self._exact_steps)
        return self._confinement

    def judged(self, score: Validate, model: PixelModel) -> Mapping[str, float]:
        """``score`` of the model, which is trained."""
        assert self._confinement is not None
        with self._confinement.as_held():
            return score(model)


def _squashed(images: ImageSet, side: int) -> npt.NDArray[np.uint8]:
    """uint8 (N, side, side, 3), as the unlocked model squashes what it is asked about."""
    pixels = np.empty((len(images), side, side, 3), dtype=np.uint8)
    for index in track(range(len(images)), total=len(images), label="reading images"):
        pixels[index] = np.asarray(images.open(index).resize((side, side), Image.Resampling.BICUBIC))
    return pixels


def _labels(images: ImageSet, classes: tuple[str, ...], task: Task) -> Labels:
    """The images' labels over the model's classes."""
    unknown = [name for name in images.classes if name not in classes]
    if unknown:
        raise DataError(
            f"{images.name} has the class {unknown[0]!r}, which the model has not (it has {', '.join(classes[:5])}"
            f"{', ...' if len(classes) > 5 else ''}); lock a model with room for all classes that may come"
        )
    return task.align(images.labels, images.classes, classes)
