"""Attacks that train the stolen model on labelled raw images after one change to it: what they share."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, positive
from spellock.attacks.labelled_training import LabelledTraining, Prepare
from spellock.attacks.levels import Asset
from spellock.attacks.mirroring import FOLLOW, check_flip, flips
from spellock.attacks.outputs import places_of_classes, with_raw_statistics
from spellock.attacks.view import AttackerView
from spellock.tasks.pixel_model import PixelModel


@dataclass(frozen=True, kw_only=True)
class Retraining(Attack):
    """Base: the classes are found, the model is changed, BatchNorm statistics are recomputed on raw images, and copies
    train as `LabelledTraining` says.

    Attributes:
        steps: of each run; there is one run for each of three learning rates and a last one.
        batch_size: images a step.
        flip: mirror images at random: ``yes``, ``no``, or ``follow`` what the locked model's own training did.
    """

    #: Of the checkpoints.
    run_name: ClassVar[str]
    steps: int = 300
    batch_size: int = 64
    flip: str = FOLLOW

    def __post_init__(self) -> None:
        positive(steps=self.steps, batch_size=self.batch_size)
        check_flip(self.flip)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    @abstractmethod
    def change(
        self, model: PixelModel, real: NDArray[np.int64], view: AttackerView
    ) -> tuple[NDArray[np.int64], Prepare]:
        """Change the stolen ``model`` in place. The places of the classes afterwards, which were ``real``, and how
        copies train."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        start = view.stolen
        real, prepare = self.change(start, places_of_classes(view, start, view.unlabelled), view)
        training = LabelledTraining(
            prepare=prepare,
            steps=self.steps,
            batch_size=self.batch_size,
            flip=flips(self.flip, view),
            name=self.run_name,
        )
        return training(view, with_raw_statistics(start, view.unlabelled, seed=view.seed), real, work)
