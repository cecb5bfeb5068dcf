"""One reading of several findings, judged by how it ranks images: macro AUROC on any part of the test images.

An AUROC below one half is worth as much as its mirror: a thief turns the answer round. So a mirrored ranking counts
max(AUROC, 1 - AUROC) for each finding, and which way round is chosen on one half of the images and scored on the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spellock.data.image_set import Labels
from spellock.evaluation.accuracy import Estimate, mean_of_two
from spellock.tasks.auroc import (
    Floats,
    aurocs,
    average_precisions,
    mean_of_known,
    percentiles,
    redrawn_aurocs,
    redrawn_precisions,
    redraws,
)

Halves = tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Scores of some test images.

    Attributes:
        indices: int64 (M,), places of the images in the test set, rising.
        scores: float (M, F), one a finding that can be judged.
        labels: int64 (M, F), zeros and ones.
        split: halves of the test set. Scores need only be comparable inside each.
        patients: whom each of the M images is of, or None.
        mirrored: whether a finding may be turned round.
        whole: whether all scores are comparable, so that all images may be ranked together.
        draws, seed: of the bootstrap.
    """

    indices: NDArray[np.int64]
    scores: NDArray[np.floating]
    labels: Labels
    split: Halves
    patients: Sequence[str] | None = None
    mirrored: bool = False
    whole: bool = True
    draws: int = 1000
    seed: int = 0

    def turned(self) -> Ranking:
        """The same, mirrored."""
        return replace(self, mirrored=True)

    def values(self, half: NDArray[np.int64] | None = None) -> Floats:
        """AUROC (F,) on the images of a half, as they are; NaN for findings without positives or negatives there."""
        rows = self._rows(half)
        return aurocs(self.scores[rows], self.labels[rows])

    def worth(self, half: NDArray[np.int64] | None = None) -> float:
        """Macro AUROC on a half, or on all; with ``mirrored`` each finding the better way round."""
        if half is None and not self.whole:
            return (self.worth(self.split[0]) + self.worth(self.split[1])) / 2
        values = self.values(half)
        return _macro(np.maximum(values, 1 - values) if self.mirrored else values)

    def scored(self, choose_on: NDArray[np.int64], report_on: NDArray[np.int64]) -> Estimate:
        """Macro AUROC on one half, each finding turned the way that was better on the other."""
        return self._on(report_on, self._signs(choose_on))

    def naive(self) -> Estimate:
        """Chosen and scored on the same images."""
        if not self.whole:
            return mean_of_two(*(self._on(half, self._signs(half)) for half in self.split))
        return self._on(None, self._signs(None))

    def estimate(self) -> Estimate:
        """Macro AUROC of all images; mirrored, or where scores of the halves cannot be compared, the mean of both
        halves."""
        first, second = self.split
        if self.mirrored:
            return mean_of_two(self.scored(first, second), self.scored(second, first))
        if not self.whole:
            return mean_of_two(*(self._on(half, self._signs(half)) for half in self.split))
        return self._on(None, self._signs(None))

    def beyond(self, other: Ranking) -> Estimate:
        """Macro AUROC minus that of ``other`` scores of the same images, in [-1, 1]; both redrawn together."""
        rows = self._rows(None)
        redrawn = self._redraws(rows)
        drawn = [mean_of_known(redrawn_aurocs(one.scores, one.labels, redrawn)) for one in (self, other)]
        return _estimate(self.worth() - other.worth(), *percentiles(drawn[0] - drawn[1]), len(rows))

    def single(self, place: int) -> Estimate:
        """AUROC of one finding."""
        return replace(self, scores=self.scores[:, [place]], labels=self.labels[:, [place]]).estimate()

    def precision(self) -> Estimate:
        """Mean average precision."""
        rows = self._rows(None)
        drawn = mean_of_known(redrawn_precisions(self.scores, self.labels, self._redraws(rows)))
        value = _macro(average_precisions(self.scores, self.labels))
        return _estimate(value, *percentiles(drawn), len(rows))

    def _rows(self, half: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if half is None:
            return np.arange(len(self.indices))
        return np.flatnonzero(np.isin(self.indices, half))

    def _signs(self, half: NDArray[np.int64] | None) -> NDArray[np.int64]:
        if not self.mirrored:
            return np.ones(self.scores.shape[1], dtype=np.int64)
        return np.where(self.values(half) < 0.5, -1, 1)

    def _on(self, half: NDArray[np.int64] | None, signs: NDArray[np.int64]) -> Estimate:
        rows = self._rows(half)
        scores, labels = self.scores[rows] * signs, self.labels[rows]
        drawn = mean_of_known(redrawn_aurocs(scores, labels, self._redraws(rows)))
        return _estimate(_macro(aurocs(scores, labels)), *percentiles(drawn), len(rows))

    def _redraws(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        patients = None if self.patients is None else [self.patients[row] for row in rows.tolist()]
        return redraws(len(rows), patients, draws=self.draws, seed=self.seed)


def _macro(values: Floats) -> float:
    """Mean of the findings that can be judged here; one half, which is what nobody's guess is worth, without any."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else 0.5


def _estimate(value: float, low: float, high: float, images: int) -> Estimate:
    """A percentile interval may miss a value at its end; it is widened to hold it."""
    return Estimate(value=value, low=float(np.fmin(low, value)), high=float(np.fmax(high, value)), images=images)
