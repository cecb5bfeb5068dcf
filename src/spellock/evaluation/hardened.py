"""Hardened LP: the highest keyless figure, chosen on one half of the images and reported on the other.

The best of many readings at chance reads above chance (27 of them on 2,000 images: 11.4 % for 10 %), so the plain
maximum is given beside it, not instead of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One keyless figure: ``hits`` (M,) on the test images at ``indices`` (M,)."""

    indices: NDArray[np.int64]
    hits: NDArray[np.bool_]


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


def best_of(candidates: Mapping[str, Candidate], halves: tuple[NDArray[np.int64], NDArray[np.int64]]) -> Best:
    """Choose the best candidate on either half and score it on the other.

    Raises:
        ConfigError: no candidates, or one has no image in one of the halves.
    """
    if not candidates:
        raise ConfigError("got no figures to choose from, expected at least one")
    reported = []
    for choose_on, report_on in (halves, halves[::-1]):
        chosen = max(candidates, key=lambda name: _on(candidates[name], choose_on, name).mean())
        reported.append(proportion(_on(candidates[chosen], report_on, chosen)))
    name = max(candidates, key=lambda name: candidates[name].hits.mean())
    return Best(honest=mean_of_two(*reported), naive=proportion(candidates[name].hits), name=name)


def highest(*bests: Best) -> Best:
    """The best of several kinds of attack, each chosen among its own candidates: the highest figures of all.

    Kinds are chosen apart because a wrong key is tried on few images: one that was lucky on its half would hide a
    reading that all images prove.
    """
    top = max(bests, key=lambda best: best.honest.value)
    naive = max((best.naive for best in bests), key=lambda figure: figure.value)
    return Best(honest=top.honest, naive=naive, name=top.name)


def _on(candidate: Candidate, half: NDArray[np.int64], name: str) -> NDArray[np.bool_]:
    hits = candidate.hits[np.isin(candidate.indices, half)]
    if not hits.size:
        raise ConfigError(
            f"figure {name!r} has no image in one half of the test set, expected several in each; use more images"
        )
    return hits
