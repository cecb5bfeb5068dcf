"""The weights that fine-tuning starts from, kept aside to be asked for their features: what a thief has anyway."""

from __future__ import annotations

import copy
import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import Tensor, nn

from spellock.tasks.checkpoint import tensors_of
from spellock.tasks.pixel_model import PixelModel
from spellock.training.alone import has_batch_statistics
from spellock.training.stages import Stages


def weights_digest(network: nn.Module) -> str:
    """SHA-256 of a network's weights and of their names, 64 hexadecimal digits."""
    return hashlib.sha256(save(tensors_of(network))).hexdigest()


class StartWeights:
    """A frozen copy of a model; make it before the model learns.

    BatchNorm normalises a batch by its own statistics, as it does in the model that learns, so that on the same images
    both give the same features until the first step; all else is in evaluation mode.
    """

    def __init__(self, model: PixelModel) -> None:
        self._model = copy.deepcopy(model).eval().requires_grad_(False)
        self._coupled = has_batch_statistics(model)
        for module in self._model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train()
                module.track_running_stats = False
        # Evaluation mode of the shell checks the pixels' range, for which a GPU would have to wait in every step.
        self._model.training = True
        self._stages = Stages(self._model.network)

    def identity(self) -> str:
        """SHA-256 of the weights."""
        return weights_digest(self._model.network)

    def features(
        self, pixels: Tensor, raw: NDArray[np.bool_], alone: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], tuple[Tensor, ...]]:
        """Raw images of a batch, bool (B,), and by stage their features, (R, D).

        Where images influence each other they are those that went alone, in the same company here; where none did,
        the whole batch is shown, for its statistics. Else they are all raw ones.

        Args:
            pixels: float (B, 3, H, W), as the learning model sees them.
            raw: bool (B,), unauthorised images as they were.
            alone: bool (B,), those that passed by themselves.
        """
        rows = raw & alone if self._coupled and alone.any() else raw
        shown = np.ones_like(raw) if self._coupled and not alone.any() else rows
        if not rows.any():
            return rows, ()
        with torch.no_grad(), self._stages.listening() as heard:
            self._model(pixels[torch.from_numpy(shown).to(pixels.device)])
        kept = torch.from_numpy(rows[shown]).to(pixels.device)
        return rows, tuple(parts[0].float()[kept] for parts in heard.passes)
