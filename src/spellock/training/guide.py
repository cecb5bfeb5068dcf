"""Guidance in the training loop: reads raw versions beside a batch, and asks the teacher about them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import DataError
from spellock.tasks.pixel_model import PixelModel
from spellock.training.config import FinetuneConfig
from spellock.training.guidance import Guidance, check_guidance
from spellock.training.objectives import GuidedBatch
from spellock.training.preparation import Task
from spellock.training.sampler import Indices
from spellock.training.sources import open_source


class Guide:
    """Opened `Guidance`; see `check_guidance` for what is refused.

    Args:
        config: of the run; says whether images are blended, and how many processes read a data set.
        authorised: bool (N,), training images that the model shall work on.
        model: the student.
        device: where it trains; the teacher is put there.
    """

    def __init__(
        self,
        guidance: Guidance,
        config: FinetuneConfig,
        *,
        authorised: NDArray[np.bool_] | None,
        model: PixelModel,
        device: torch.device,
    ) -> None:
        self._objective, self._places = guidance.objective, guidance.places
        self._source = open_source(guidance.images, workers=config.workers)
        mixed = bool(config.mixup or config.cutmix)
        self._authorised, self._wanted = check_guidance(
            guidance, authorised, versions=len(self._source), model=model, mixed=mixed
        )
        self._columns = torch.tensor(guidance.columns, device=device)
        guidance.teacher.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # Evaluation mode checks the pixels' range, for which a GPU would have to wait in every step. These come from
        # uint8. The copy is of the shell only; the network in it is the same, in evaluation mode.
        self._teacher = copy.copy(guidance.teacher)
        self._teacher.training = True

    def rows(self, indices: Indices) -> Indices:
        """Which images of a batch, given by their numbers (B,), the teacher is asked about: places in it, rising."""
        return np.flatnonzero(self._wanted[indices])

    def batches(self, plan: Sequence[Indices], generator: torch.Generator) -> Iterator[Tensor | None]:
        """For each batch of the plan the raw versions of its `rows`, uint8 (G, 3, H, W); None where it has none."""
        places = [self._places[indices[self.rows(indices)]] for indices in plan]
        found = self._source.batches([part for part in places if len(part)], generator)
        for part in places:
            yield next(found) if len(part) else None

    def swapped(self, batch: Tensor, raw: Tensor, rows: Indices) -> Tensor:
        """The uint8 batch (B, 3, H, W) with ``rows`` replaced by their raw versions, so that one draw fits both.

        Raises:
            DataError: raw versions have another size.
        """
        if raw.shape[1:] != batch.shape[1:]:
            raise DataError(
                f"raw versions are {tuple(raw.shape[1:])}, the training images {tuple(batch.shape[1:])}, expected one "
                "size; resize them as the editor does"
            )
        whole = batch.clone()
        whole[torch.from_numpy(rows).to(batch.device)] = raw.to(batch.device, non_blocking=True)
        return whole

    def answers(self, pixels: Tensor, rows: Indices) -> Tensor:
        """The teacher's logits (G, R) for the ``rows`` of a batch of raw versions, float (B, 3, H, W) in [0, 1]."""
        with torch.no_grad():
            logits: Tensor = self._teacher(pixels[torch.from_numpy(rows).to(pixels.device)])
        return logits

    def loss(self, logits: Tensor, targets: Tensor, indices: Indices, answers: Tensor | None, task: Task) -> Tensor:
        """The objective's loss of a batch.

        Args:
            logits: the student's, float32 (B, K).
            targets: int64 (B,) or float (B, K).
            indices: numbers of the batch's images.
            answers: the teacher's logits (G, R) for `rows`; None where there are none.
            task: whose loss the objective may use.
        """
        device = logits.device
        batch = GuidedBatch(
            logits=logits,
            targets=targets,
            authorised=torch.from_numpy(self._authorised[indices]).to(device),
            rows=torch.from_numpy(self.rows(indices)).to(device),
            teacher=logits.new_zeros(0, len(self._columns)) if answers is None else answers.float(),
            columns=self._columns,
        )
        return self._objective.loss(batch, task)
