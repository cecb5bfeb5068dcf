"""Regularisers in the training loop: listens to a step's passes, and adds up their terms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.errors import ConfigError, DataError
from spellock.tasks.pixel_model import PixelModel
from spellock.training.alone import Passes
from spellock.training.config import FinetuneConfig
from spellock.training.preparation import check_unmixed
from spellock.training.regularisation import Regularisation
from spellock.training.regularisers import Unauthorised
from spellock.training.sampler import Indices
from spellock.training.seeds import derive_seed
from spellock.training.stages import Heard, Stages
from spellock.training.start_weights import StartWeights


class Regulator:
    """Opened `Regularisation`; make it before the model learns.

    Args:
        config: of the run.
        authorised: bool (N,), training images that the model shall work on.
        model: the one that learns, on its device, with its start weights.
        steps: of the whole run.

    Raises:
        ConfigError: it is not said which images are authorised, or images are mixed, so that their class is not one.
        DataError: not one mark an image, or a real class that the model has not.
    """

    def __init__(
        self,
        regularisation: Regularisation,
        config: FinetuneConfig,
        *,
        authorised: NDArray[np.bool_] | None,
        model: PixelModel,
        steps: int,
    ) -> None:
        if authorised is None:
            raise ConfigError("regularisers ask which images are authorised; pass authorised= (bool, one each)")
        check_unmixed(config)
        if len(regularisation.truth) != len(authorised):
            raise DataError(
                f"truth: got {len(regularisation.truth)} rows for {len(authorised)} images, expected one each"
            )
        if regularisation.classes > model.num_classes:
            raise DataError(f"got {regularisation.classes} real classes, the model has {model.num_classes}")
        self._of, self._authorised, self._seed, self._steps = regularisation, authorised, config.seed, steps
        self._stages = Stages(model.network)
        self._start = StartWeights(model) if regularisation.asks_start else None

    def identity(self) -> dict[str, str]:
        """What must be the same for a checkpoint to be continued."""
        return self._of.identity() | ({} if self._start is None else {"start": self._start.identity()})

    @contextmanager
    def listening(self) -> Iterator[Heard]:
        """Hear the model's passes within the context."""
        with self._stages.listening() as heard:
            yield heard

    def start_features(
        self, pixels: Tensor, indices: Indices, alone: NDArray[np.bool_]
    ) -> tuple[NDArray[np.bool_], tuple[Tensor, ...]]:
        """Which images of a batch are anchored, bool (B,), and by stage what the start weights say of them."""
        if self._start is None:
            return np.zeros(len(indices), dtype=np.bool_), ()
        return self._start.features(pixels, self._of.raw[indices] & ~self._authorised[indices], alone)

    def loss(
        self,
        logits: Passes,
        heard: Heard,
        started: tuple[NDArray[np.bool_], tuple[Tensor, ...]],
        indices: Indices,
        step: int,
    ) -> Tensor | None:
        """Sum of the terms; None where the batch has no unauthorised image.

        Args:
            logits: the model's, (B, K).
            heard: in the passes that gave them.
            started: see `start_features`.
            indices: numbers of the batch's images.
            step: of the run, from 0.
        """
        rows = ~self._authorised[indices]
        if not rows.any():
            return None
        own = logits.at(rows)
        anchored, start = started

        def marks(which: NDArray[np.bool_]) -> Tensor:
            return torch.from_numpy(which[rows]).to(own.device)

        seen = Unauthorised(
            features=tuple(stage.at(rows).float() for stage in heard.in_order(logits.alone)),
            logits=own.float()[:, : self._of.classes],
            truth=torch.from_numpy(self._of.of(indices[rows])).to(own.device),
            alone=marks(logits.alone),
            anchored=marks(anchored),
            start=start,
            step=step,
            progress=step / self._steps,
            seed=derive_seed(self._seed, "regularisers", step),
        )
        terms = [one.loss(seen) for one in self._of.regularisers]
        return torch.stack(terms).sum()
