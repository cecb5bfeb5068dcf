"""What is checked and settled before a run starts."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, is_dataclass, replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from spellock.errors import ConfigError, DataError
from spellock.training.alone import has_batch_statistics
from spellock.training.combination import Combination
from spellock.training.config import FinetuneConfig
from spellock.training.fast_bfloat16 import fast_bfloat16
from spellock.training.log import summary_writer
from spellock.training.mixup import Mixer
from spellock.training.set_batches import SetLearner, check_carried
from spellock.training.sources import Source
from spellock.training.start_weights import weights_digest


class Task(Protocol):
    """What the loop needs of a task."""

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar."""
        ...


@runtime_checkable
class Teachable(Protocol):
    """A task that can also learn what another model says."""

    def imitation(self, logits: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
        """Mean loss of float logits (N, R) against a teacher's (N, R), both softened by a temperature; a scalar that is
        least where they say the same."""
        ...


def with_smoothing(task: Task, config: FinetuneConfig) -> Task:
    """The task with the configuration's label smoothing, where that is set.

    Raises:
        ConfigError: the task has no such setting.
    """
    if config.label_smoothing is None:
        return task
    if not is_dataclass(task) or isinstance(task, type) or not hasattr(task, "label_smoothing"):
        raise ConfigError(f"label_smoothing is set, but {type(task).__name__} has no such setting; leave it out")
    return replace(task, label_smoothing=config.label_smoothing)


def check_settings(config: FinetuneConfig, task: Task, *, regularised: bool) -> None:
    """Refuse what a run would refuse when it starts, for whoever has long work to do before that.

    Raises:
        ConfigError: the task or the regularisers cannot do with a setting.
        MissingExtraError: TensorBoard is wanted but not installed.
    """
    with_smoothing(task, config)
    if isinstance(task, SetLearner):
        check_carried(config)
    else:
        make_mixer(config, task)
    if regularised:
        check_unmixed(config)
    if config.tensorboard:
        summary_writer()


def check_unmixed(config: FinetuneConfig) -> None:
    """Check that an image has one true class.

    Raises:
        ConfigError: images are mixed.
    """
    if config.mixup or config.cutmix:
        raise ConfigError("regularisers read an image's true class, which mixup and CutMix blend; set both to 0")


def make_mixer(config: FinetuneConfig, task: Task) -> Mixer | None:
    """Mixup or CutMix, or None for neither.

    Raises:
        ConfigError: the task does not say how many classes there are.
    """
    if not config.mixup and not config.cutmix:
        return None
    classes = getattr(task, "num_classes", None)
    if not isinstance(classes, int):
        raise ConfigError(f"mixup and cutmix need the number of classes, but {type(task).__name__} has no num_classes")
    return Mixer(mixup=config.mixup, cutmix=config.cutmix, num_classes=classes)


def check_labels(
    labels: ArrayLike | Tensor, authorised: ArrayLike | None, count: int, task: Task
) -> tuple[Tensor, NDArray[np.bool_] | None]:
    """Labels as a tensor on the CPU, int64 (N,) or float (N, K), and the authorised marks, bool (N,).

    Raises:
        DataError: their number is not that of the images, or a label is outside the task's classes.
    """
    if count < 2:
        raise DataError(f"got {count} training images, expected at least 2")
    targets = labels.detach().cpu() if isinstance(labels, Tensor) else torch.as_tensor(np.array(labels))
    if targets.ndim == 0 or len(targets) != count:
        raise DataError(f"got labels of shape {tuple(targets.shape)} for {count} training images, expected one each")
    if not targets.is_floating_point():
        targets = targets.long()
        low, high, classes = int(targets.min()), int(targets.max()), getattr(task, "num_classes", None)
        if isinstance(classes, int) and not (low >= 0 and high < classes):
            raise DataError(f"got labels from {low} to {high}, expected 0 to {classes - 1}")
    kinds = None if authorised is None else np.asarray(authorised)
    if kinds is not None and (kinds.shape != (count,) or kinds.dtype != np.bool_):
        raise DataError(f"authorised: got {kinds.dtype} of shape {kinds.shape}, expected bool of shape ({count},)")
    return targets, kinds


def check_raw(
    raw: ArrayLike | None, authorised: NDArray[np.bool_] | None, model: nn.Module, config: FinetuneConfig
) -> NDArray[np.bool_] | None:
    """The raw marks, bool (N,), where some images shall go alone; None where none does or it would change nothing.

    Raises:
        ConfigError: ``alone_share`` is set, but it is not said which images are authorised and which raw.
        DataError: not one mark an image.
    """
    if not config.alone_share or not has_batch_statistics(model):
        return None
    if authorised is None or raw is None:
        raise ConfigError(
            "alone_share needs to know which images are authorised and which are raw; pass authorised= and raw= (bool, "
            "one per image), or set alone_share to 0"
        )
    marks = np.asarray(raw)
    if marks.shape != authorised.shape or marks.dtype != np.bool_:
        raise DataError(f"raw: got {marks.dtype} of shape {marks.shape}, expected bool of shape {authorised.shape}")
    return marks


def check_composition(combination: Combination, regularised: bool, task: Task, processes: int) -> None:
    """Refuse what a combination or regularisers cannot do.

    Raises:
        ConfigError: they are for a detector, whose loss comes in one piece and whose images have no one class, or the
            loss is to be split but several processes share it.
    """
    if isinstance(task, SetLearner) and (combination.splits or regularised):
        raise ConfigError("detectors have no regularisers and no projection; leave both out")
    if combination.splits and processes > 1:
        raise ConfigError(f"projection works in one process, got {processes}; set combination to sum, or use one")


def run_identity(
    config: FinetuneConfig,
    targets: Tensor,
    kinds: NDArray[np.bool_] | None,
    task: Task,
    source: Source,
    network: nn.Module,
) -> dict[str, Any]:
    """Settings, loss, data and start weights that must be the same for a checkpoint to be continued."""
    free = ("workers", "checkpoint_every", "tensorboard")
    identity = {name: value for name, value in asdict(config).items() if name not in free}
    digest = hashlib.sha256(targets.numpy().tobytes() + (b"" if kinds is None else kinds.tobytes()))
    settings = getattr(task, "identity", None)
    if callable(settings):
        identity["task"] = settings()
    return (
        identity
        | {"images": len(targets), "labels": digest.hexdigest(), "pixels": source.identity()}
        | {"start": weights_digest(network)}
    )


def use_bf16(config: FinetuneConfig, device: torch.device) -> bool:
    """Whether to compute in bfloat16: as set, and under ``auto`` where that is faster."""
    if config.precision != "auto":
        return config.precision == "bf16"
    return fast_bfloat16(device)
