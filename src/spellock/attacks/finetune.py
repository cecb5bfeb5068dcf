"""Fine-tuning on labelled raw images: what any thief with labels does (NTLBench's four ways: all or head, old or new).

Learning rate and length are chosen on a fifth of the labels, then all of them train. Every start gets the same grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of, positive
from spellock.attacks.labelled_training import LabelledTraining
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import places_of_classes, with_raw_statistics
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar
from spellock.tasks.heads import find_head, replace_head
from spellock.tasks.pixel_model import PixelModel


@register_attack("finetune")
@dataclass(frozen=True, kw_only=True)
class Finetune(Attack):
    """Cross-entropy on the real classes, SGD with momentum, horizontal flips.

    Attributes:
        layers: ``all`` of them train, or the ``head`` alone.
        head: ``kept``, or ``new``: re-initialised.
        steps: of each run; there is one run for each of three learning rates and a last one.
        batch_size: images a step.
        flip: mirror images at random; not for data where left and right matter.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {
        "": {},
        "new head": {"head": "new"},
        "head only": {"layers": "head"},
        "new head only": {"layers": "head", "head": "new"},
    }
    layers: str = "all"
    head: str = "kept"
    steps: int = 300
    batch_size: int = 64
    flip: bool = True

    def __post_init__(self) -> None:
        one_of("layers", self.layers, ("all", "head"))
        one_of("head", self.head, ("kept", "new"))
        positive(steps=self.steps, batch_size=self.batch_size)

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        start = view.stolen
        real = places_of_classes(view, start, view.unlabelled)
        start = with_raw_statistics(start, view.unlabelled, seed=view.seed)
        if self.head == "new":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(view.seed)
                replace_head(start.network, view.classes)
            real = np.arange(view.classes)
        training = LabelledTraining(
            prepare=self._prepared, steps=self.steps, batch_size=self.batch_size, flip=self.flip, name="finetuned"
        )
        return training(view, start, real, work)

    def _prepared(self, model: PixelModel) -> tuple[nn.Module, Iterable[nn.Parameter]]:
        _, head = find_head(model.network)
        model.train(self.layers == "all")
        return model, model.parameters() if self.layers == "all" else head.parameters()
