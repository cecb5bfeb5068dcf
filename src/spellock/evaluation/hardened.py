"""Hardened LP: the highest keyless figure, chosen on one half of the images and reported on the other.

The best of many readings at chance reads above chance (27 of them on 2,000 images: 11.4 % for 10 %), so the plain
maximum is given beside it, not instead of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError
from spellock.evaluation.accuracy import Estimate, argmax_hits, mean_of_two, proportion
from spellock.evaluation.centred import centred_hits
from spellock.evaluation.folds import RawReadings, gather
from spellock.evaluation.permuted import permuted_hits
from spellock.evaluation.suppressed import suppressed_hits


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best of several figures.

    Attributes:
        honest: chosen on one half, scored on the other, both ways averaged.
        naive: the highest figure on all images, biased upwards.
        name: of the naive winner.
    """

    honest: Estimate
    naive: Estimate
    name: str


class Measured(Protocol):
    """One keyless figure, on test images at ``indices`` (M,)."""

    @property
    def indices(self) -> NDArray[np.int64]: ...

    def worth(self, half: NDArray[np.int64] | None = None) -> float:
        """Its value on the images of a half, or on all; in [0, 1]."""

    def scored(self, choose_on: NDArray[np.int64], report_on: NDArray[np.int64]) -> Estimate:
        """Its value on one half; what is left to choose about it is chosen on the other."""

    def naive(self) -> Estimate:
        """Its value on all images, chosen on the same."""

    def estimate(self) -> Estimate:
        """Its value on all images, what is chosen chosen on others."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One keyless accuracy: ``hits`` (M,) on the test images at ``indices`` (M,)."""

    indices: NDArray[np.int64]
    hits: NDArray[np.bool_]

    def worth(self, half: NDArray[np.int64] | None = None) -> float:
        """See `Measured`."""
        return float((self.hits if half is None else self.hits[np.isin(self.indices, half)]).mean())

    def scored(self, choose_on: NDArray[np.int64], report_on: NDArray[np.int64]) -> Estimate:
        """See `Measured`."""
        return proportion(self.hits[np.isin(self.indices, report_on)])

    def naive(self) -> Estimate:
        """See `Measured`."""
        return proportion(self.hits)

    def estimate(self) -> Estimate:
        """See `Measured`."""
        return proportion(self.hits)


def keyless_hits(
    readings: RawReadings, labels: NDArray[np.int64], lock_class: int | None
) -> dict[str, NDArray[np.bool_]]:
    """Hits (N,) of argmax, suppressed, centred and permuted, under the names ``lp``, ``lp_suppressed`` and so on."""
    plain = [argmax_hits(fold.scored, labels[fold.indices]) for fold in readings.unlabelled]
    dropped = [suppressed_hits(fold.scored, labels[fold.indices], lock_class) for fold in readings.unlabelled]
    return {
        "lp": gather(readings.unlabelled, plain),
        "lp_suppressed": gather(readings.unlabelled, dropped),
        "lp_centred": centred_hits(readings.unlabelled, labels, lock_class),
        "lp_permuted": permuted_hits(readings.labelled, labels, lock_class),
    }


def best_of(candidates: Mapping[str, Measured], halves: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Best:
    """Choose the best candidate on either half and score it on the other.

    Raises:
        ConfigError: no candidates, or one has no image in one of the halves.
    """
    if not candidates:
        raise ConfigError("got no figures to choose from, expected at least one")
    for name, candidate in candidates.items():
        if not all(np.isin(candidate.indices, half).any() for half in halves):
            raise ConfigError(
                f"figure {name!r} has no image in one half of the test set, expected several in each; use more images"
            )
    reported = []
    for choose_on, report_on in (halves, halves[::-1]):
        worth = {name: candidate.worth(choose_on) for name, candidate in candidates.items()}
        reported.append(candidates[max(worth, key=worth.__getitem__)].scored(choose_on, report_on))
    overall = {name: candidate.worth() for name, candidate in candidates.items()}
    name = max(overall, key=overall.__getitem__)
    return Best(honest=mean_of_two(*reported), naive=candidates[name].naive(), name=name)


def highest(*bests: Best) -> Best:
    """The best of several kinds of attack, each chosen among its own candidates: the highest figures of all.

    Kinds are chosen apart because a wrong key is tried on few images: one that was lucky on its half would hide a
    reading that all images prove.
    """
    top = max(bests, key=lambda best: best.honest.value)
    naive = max((best.naive for best in bests), key=lambda figure: figure.value)
    return Best(honest=top.honest, naive=naive, name=top.name)
