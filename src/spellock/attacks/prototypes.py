"""Prototype probe: the class whose mean feature points most nearly the same way. For very few labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.budget import Budget, Clock
from spellock.attacks.features import Features
from spellock.attacks.probing import Fitted, Probe, one_hot
from spellock.attacks.registry import register_attack
from spellock.attacks.view import Labels


@register_attack("prototypes")
@dataclass(frozen=True, kw_only=True)
class Prototypes(Probe):
    """s_k = cos(h, mean of the features of class k)."""

    def fit(
        self, features: Features, labels: Labels, classes: int, seed: int, *, budget: Budget, clock: Clock
    ) -> Fitted:
        """See `Probe.fit`; an image's own class is judged by the mean of its other images."""
        members = one_hot(labels, classes)
        counts = members.sum(axis=0)
        sums = members.T @ features
        means = sums / np.maximum(counts, 1)[:, None]
        scores = cosines(features, means)
        own = (sums[labels] - features) / np.maximum(counts[labels] - 1, 1)[:, None]
        scores[np.arange(len(labels)), labels] = (unit(features) * unit(own)).sum(axis=1)
        right = float((scores.argmax(axis=1) == labels).mean())
        return Fitted(read=lambda rows: cosines(rows, means), right=right, error=1 - right)


def unit(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    """Rows of length 1; rows of zeros stay."""
    scaled: NDArray[np.floating] = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return scaled


def cosines(rows: NDArray[np.floating], means: NDArray[np.floating]) -> NDArray[np.floating]:
    """Cosines (N, classes); of a class without images 0."""
    scores: NDArray[np.floating] = unit(rows) @ unit(means).T
    return scores
