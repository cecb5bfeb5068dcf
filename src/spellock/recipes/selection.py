"""The rule by which a checkpoint is chosen: UP minus hardened LP on pairs that were held out of training.

Light, because it runs after every epoch: of the keyless readings only argmax, lock class dropped, and centred are tried,
and the plain maximum of them is taken; the report's hardened LP tries more, on images that nothing was chosen on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from spellock.evaluation.centred import centred_predictions
from spellock.evaluation.suppressed import suppressed_predictions
from spellock.pixels import from_uint8
from spellock.tasks.pixel_model import PixelModel

SCORE = "score"
_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class LockScore:
    """Call it with a model for ``up``, ``lp``, ``lp_suppressed``, ``lp_centred``, ``hardened_lp`` and ``score``.

    Attributes:
        raw: held-out images as they are, uint8 (N, R, R, 3).
        edited: the same images edited with the key.
        labels: their true labels (N,).
        lock_class: index of the lock class.
    """

    raw: npt.NDArray[np.uint8]
    edited: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    lock_class: int | None

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """All figures as shares in [0, 1]; ``score`` = ``up`` - ``hardened_lp``, in [-1, 1]."""
        edited, raw = logits_of(model, self.edited), logits_of(model, self.raw)
        keyless = {
            "lp": raw.argmax(axis=1),
            "lp_suppressed": suppressed_predictions(raw, self.lock_class),
            "lp_centred": centred_predictions(raw, raw, self.lock_class),
        }
        figures = {name: float((predicted == self.labels).mean()) for name, predicted in keyless.items()}
        hardened = max(figures.values())
        up = float((edited.argmax(axis=1) == self.labels).mean())
        return {"up": up, **figures, "hardened_lp": hardened, SCORE: up - hardened}


@dataclass(frozen=True, kw_only=True)
class PlainScore:
    """The baseline's rule: accuracy on held-out raw images, uint8 (N, R, R, 3)."""

    raw: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]

    def __call__(self, model: PixelModel) -> dict[str, float]:
        """The accuracy in [0, 1] as ``score``."""
        return {SCORE: float((logits_of(model, self.raw).argmax(axis=1) == self.labels).mean())}


@torch.inference_mode()
def logits_of(model: PixelModel, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Logits (N, K) of uint8 images (N, H, W, 3), in evaluation mode; the model's mode is put back."""
    device = model.mean.device
    training = model.training
    model.eval()
    try:
        parts = [
            model(from_uint8(torch.from_numpy(images[start : start + _BATCH])).permute(0, 3, 1, 2).to(device))
            for start in range(0, len(images), _BATCH)
        ]
    finally:
        model.train(training)
    return np.asarray(torch.cat(parts).float().cpu().numpy(), dtype=np.float32)
