"""The rule by which a checkpoint is chosen: UP minus a fiftieth of hardened LP on pairs held out of training.

UP weighs far more because a checkpoint that hides little and knows nothing would win otherwise: fifty points of
hardened LP are worth one of UP. With a tenth, an early epoch that was lucky on a few dozen pairs won.

Hardened LP here is the light one: without wrong keys and without recomputed BatchNorm statistics, because it runs after
every epoch. The report's tries more, on test images that nothing was chosen on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from spellock.evaluation.judge import Judge, Question
from spellock.evaluation.judges import make_judge
from spellock.evaluation.keyless import hardened_lp
from spellock.tasks.classification import ClassificationTask
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel
from spellock.tasks.task import Task

SCORE = "score"
LP_WEIGHT = 0.02
_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class LockScore:
    """Call it with a model for ``up``, the keyless figures, ``hardened_lp`` and ``score``.

    Attributes:
        raw: held-out images as they are, uint8 (N, R, R, 3).
        edited: the same images edited with the key.
        labels: their true labels (N,), or (N, K) over all of the model's outputs.
        lock_class: index of the lock class; None for a lock target without one.
        task: what the labels are; how right an answer is, the task says.
    """

    raw: npt.NDArray[np.uint8]
    edited: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    lock_class: int | None
    task: Task = field(default_factory=ClassificationTask)

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """All figures as shares in [0, 1]; ``score`` = ``up`` - 0.02 ``hardened_lp``, in [-0.02, 1]."""
        up = _value(model, self.edited, self.labels, self.task, self.lock_class, label="validation, edited")
        if not self._judge().halves_suffice:
            # Too few for halves, so only what the model says by itself.
            hardened = _value(model, self.raw, self.labels, self.task, self.lock_class, label="validation, raw")
            return {"up": up, "lp": hardened, "hardened_lp": hardened, SCORE: up - LP_WEIGHT * hardened}
        keyless = hardened_lp(
            model, self.raw, self.labels, lock_class=self.lock_class, task=self.task, batch_norm=False
        )
        return {"up": up, **keyless.figures, "hardened_lp": keyless.value, SCORE: up - LP_WEIGHT * keyless.value}

    def _judge(self) -> Judge:
        names = tuple(str(place) for place in range(self.labels.shape[-1])) if self.labels.ndim == 2 else ()
        return make_judge(self.task, Question(labels=self.labels, classes=names, lock=self.lock_class))


@dataclass(frozen=True, kw_only=True)
class PlainScore:
    """The baseline's rule: accuracy, or what the task has in its place, on held-out raw images, uint8 (N, R, R, 3), as
    ``score``."""

    raw: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    task: Task = field(default_factory=ClassificationTask)

    @property
    def measure(self) -> str:
        """What the figure is, in a word."""
        names = tuple(str(place) for place in range(self.labels.shape[-1])) if self.labels.ndim == 2 else ()
        return make_judge(self.task, Question(labels=self.labels, classes=names, lock=None)).measure

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """The figure as a share in [0, 1]."""
        return {SCORE: _value(model, self.raw, self.labels, self.task, None, label="validation")}


def _value(
    model: PixelModel,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    task: Task,
    lock_class: int | None,
    *,
    label: str,
) -> float:
    logits = _logits(model, images, label=label)
    names = tuple(str(place) for place in range(logits.shape[1]))
    return make_judge(task, Question(labels=labels, classes=names, lock=lock_class)).value(logits)


def accuracy(model: PixelModel, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], *, label: str) -> float:
    """Share of uint8 images (N, H, W, 3) whose largest logit is at the label."""
    return float((_logits(model, images, label=label).argmax(axis=1) == labels).mean())


def _logits(model: PixelModel, images: npt.NDArray[np.uint8], *, label: str) -> npt.NDArray[np.float32]:
    return collect(
        model, lambda chosen: [images[i] for i in chosen], range(len(images)), batch_size=_BATCH, label=label
    )
