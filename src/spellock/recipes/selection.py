"""The rule by which a checkpoint is chosen: UP minus a fiftieth of hardened LP on pairs held out of training.

UP weighs far more because a checkpoint that hides little and knows nothing would win otherwise: fifty points of
hardened LP are worth one of UP. With a tenth, an early epoch that was lucky on a few dozen pairs won.

Hardened LP here is the light one: without wrong keys and without recomputed BatchNorm statistics, because it runs after
every epoch. The report's tries more, on test images that nothing was chosen on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spellock.evaluation.keyless import hardened_lp
from spellock.tasks.collect import collect
from spellock.tasks.pixel_model import PixelModel

SCORE = "score"
LP_WEIGHT = 0.02
_BATCH = 256
_FEWEST_FOR_READINGS = 4


@dataclass(frozen=True, kw_only=True)
class LockScore:
    """Call it with a model for ``up``, the keyless figures, ``hardened_lp`` and ``score``.

    Attributes:
        raw: held-out images as they are, uint8 (N, R, R, 3).
        edited: the same images edited with the key.
        labels: their true labels (N,).
        lock_class: index of the lock class; None for a lock target without one.
    """

    raw: npt.NDArray[np.uint8]
    edited: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    lock_class: int | None

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """All figures as shares in [0, 1]; ``score`` = ``up`` - 0.02 ``hardened_lp``, in [-0.02, 1]."""
        up = accuracy(model, self.edited, self.labels, label="validation, edited")
        if len(self.labels) < _FEWEST_FOR_READINGS:
            # Too few for halves, so only what the model says by itself.
            hardened = accuracy(model, self.raw, self.labels, label="validation, raw")
            return {"up": up, "lp": hardened, "hardened_lp": hardened, SCORE: up - LP_WEIGHT * hardened}
        keyless = hardened_lp(model, self.raw, self.labels, lock_class=self.lock_class, batch_norm=False)
        return {"up": up, **keyless.figures, "hardened_lp": keyless.value, SCORE: up - LP_WEIGHT * keyless.value}


@dataclass(frozen=True, kw_only=True)
class PlainScore:
    """The baseline's rule: accuracy on held-out raw images, uint8 (N, R, R, 3), as ``score``."""

    raw: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """The accuracy as a share in [0, 1]."""
        return {SCORE: accuracy(model, self.raw, self.labels, label="validation")}


def accuracy(model: PixelModel, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], *, label: str) -> float:
    """Share of uint8 images (N, H, W, 3) whose largest logit is at the label."""
    logits = collect(
        model, lambda chosen: [images[i] for i in chosen], range(len(images)), batch_size=_BATCH, label=label
    )
    return float((logits.argmax(axis=1) == labels).mean())
