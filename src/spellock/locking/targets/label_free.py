"""Directions of texture statistics that say nothing of the labels: what decoys of findings and of boxes are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spellock.locking.targets.texture import Floats

#: Strongest directions that are kept. Two, as for the decoy task: a small network learns them soon.
DIRECTIONS = 2
#: At least so many times as many directions stay to choose them from, however many labels there are.
_LEAST_LEFT = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelFree:
    """A linear map of statistics (N, D) to points (N, 2).

    Attributes:
        mean, spread: float64 (D,), what the statistics are standardised by.
        axes: float64 (D, 2).
    """

    mean: Floats
    spread: Floats
    axes: Floats

    def __call__(self, statistics: Floats) -> Floats:
        """Points (N, 2)."""
        points: Floats = ((statistics - self.mean) / self.spread) @ self.axes
        return points


def label_free(statistics: Floats, labels: Floats) -> LabelFree:
    """The strongest directions of ``statistics`` (N, D) in which they are not correlated with any of ``labels`` (N, L).

    The points of these samples have mean 0, variance 1 each and no correlation with each other. With more labels than
    statistics allow for, the directions that tell most of the labels are removed. ``N`` must be at least 1.
    """
    mean, spread = statistics.mean(axis=0), statistics.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    scaled = (statistics - mean) / spread
    told = (labels - labels.mean(axis=0)).T @ scaled / len(scaled)
    _, strengths, axes = np.linalg.svd(told, full_matrices=False)
    most = statistics.shape[1] - _LEAST_LEFT * DIRECTIONS
    telling = axes[: min(most, int((strengths > 1e-9 * max(strengths.max(initial=0), 1e-9)).sum()))]
    free = scaled - scaled @ telling.T @ telling
    variances, directions = np.linalg.eigh(free.T @ free / len(free))
    chosen = directions[:, -DIRECTIONS:] / np.sqrt(np.maximum(variances[-DIRECTIONS:], 1e-12))
    return LabelFree(mean=mean, spread=spread, axes=chosen - telling.T @ (telling @ chosen))
