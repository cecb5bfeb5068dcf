"""Probes: a small reader, trained on labelled raw images, of the features of every stage."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.budget import Budget, Clock
from spellock.attacks.checks import check_needs, held
from spellock.attacks.features import ALL, OUTPUTS, Features, batch_features, stage_features, stages_of
from spellock.attacks.levels import Asset
from spellock.attacks.outputs import with_raw_statistics
from spellock.attacks.view import AttackerView, Labels
from spellock.hidden import Scalar
from spellock.tasks.batchnorm import has_batch_norm

#: Features that vary less than this carry nothing but rounding.
SMALLEST_SPREAD = 1e-6
Reader = Callable[[Features], NDArray[np.floating]]


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A reader of standardised features (N, D) to scores (N, classes), and how well it does on labels that it was not
    fitted on: ``right`` of them, a share, with ``error`` (lower is better) to tell equals apart; ``found`` is what else
    is to be said."""

    read: Reader
    right: float
    error: float
    found: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Probe(Attack):
    """Base: fits a reader on each stage, with BatchNorm statistics as they are and recomputed on raw images, and keeps
    the one that does best on labels held out of its own fit."""

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    @abstractmethod
    def fit(
        self, features: Features, labels: Labels, classes: int, seed: int, *, budget: Budget, clock: Clock
    ) -> Fitted:
        """A reader fitted on standardised features (N, D) and their labels, within ``clock``, its part of the time."""

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`."""
        check_needs(view, self.needs)
        labels = held(view.labels)
        models = {"kept": view.stolen}
        if has_batch_norm(view.stolen):
            models["raw"] = with_raw_statistics(view.stolen, view.unlabelled, seed=view.seed)
        stages = stages_of(view.stolen)
        best: tuple[tuple[float, float], str, str, Fitted, Features, Features] | None = None
        left = len(models) * len({*stages, ALL, OUTPUTS})
        for statistics, model in models.items():
            if best is not None and view.clock.over:
                break
            known = stage_features(model, held(view.labelled), stages)
            pool = stage_features(model, view.unlabelled, stages)
            for stage, features in known.items():
                if best is not None and view.clock.over:
                    break
                # Scales come from all raw images: a few labelled ones would tell them badly.
                both = np.concatenate([pool[stage], features])
                mean, spread = both.mean(axis=0), np.maximum(both.std(axis=0), SMALLEST_SPREAD)
                scaled, clock = (features - mean) / spread, view.clock.part(left)
                fitted = self.fit(scaled, labels, view.classes, view.seed, budget=view.budget, clock=clock)
                left -= 1
                rank = (fitted.right, -fitted.error)
                if best is None or rank > best[0]:
                    best = (rank, statistics, stage, fitted, mean, spread)
        assert best is not None
        _, statistics, stage, fitted, mean, spread = best
        model = models[statistics]

        def predict(images: Tensor) -> Tensor:
            features = (batch_features(model, images, stages)[stage] - mean) / spread
            return torch.from_numpy(np.ascontiguousarray(fitted.read(features), dtype=np.float32))

        return [Stolen(predict=predict, found={"stage": stage, "statistics": statistics, **fitted.found})]


def one_hot(labels: Labels, classes: int) -> NDArray[np.float64]:
    """(N, classes), 1 at the label."""
    return np.eye(classes)[labels]
