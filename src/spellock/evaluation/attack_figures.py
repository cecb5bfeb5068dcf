"""Figures of one attack over its draws and starts, and the strongest of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.evaluation.accuracy import Estimate, paired_difference, proportion
from spellock.evaluation.attack_row import Strongest
from spellock.evaluation.attack_store import Done
from spellock.evaluation.bits_stolen import Bits, bits_stolen, mean_bits
from spellock.evaluation.hardened import Best, Candidate, best_of, highest

_REDRAWS: Final = 2000


def bits_of(past: list[dict[str, list[Done]]], control: str, least: int) -> Bits | None:
    """Bits that the locked weights saved against ``control`` in the labels that came after the ``least``."""
    blocks = [one for one in past if control in one]
    if not blocks or len(blocks) < len(past):
        return None  # no such control, or not with every amount
    found = []
    for draw in range(len(blocks[0]["locked"])):
        mine, other = ([one[start][draw].costs for one in blocks] for start in ("locked", control))
        if any(costs is None for costs in (*mine, *other)):
            return None  # no labels were left to code
        found.append(bits_stolen(least, mine, other))  # type: ignore[arg-type]  # the line above
    return mean_bits(found)


def mean_of_draws(hits: NDArray[np.bool_], seed: int) -> Estimate:
    """Accuracy from hits (draws, N)."""
    return proportion(hits[0]) if len(hits) == 1 else _mean_over_both(hits.astype(np.float64), seed)


def difference_of_draws(first: NDArray[np.bool_], second: NDArray[np.bool_], seed: int) -> Estimate:
    """Difference of accuracies from hits (draws, N) on the same images and draws."""
    if len(first) == 1:
        return paired_difference(first[0], second[0])
    return _mean_over_both(first.astype(np.float64) - second, seed)


def _mean_over_both(values: NDArray[np.float64], seed: int) -> Estimate:
    """Mean of values (draws, N) with a percentile bootstrap that redraws both draws and images.

    All draws are scored on the same images, so that redrawing draws alone would leave out the images' own chance.
    """
    (draws, images), generator = values.shape, np.random.default_rng([seed, 0x64696666])
    means = []
    for _ in range(_REDRAWS):
        weights = np.bincount(generator.integers(draws, size=draws), minlength=draws) / draws
        means.append(float((weights @ values)[generator.integers(images, size=images)].mean()))
    low, high = np.quantile(means, [0.025, 0.975])
    value = float(values.mean())
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)), images=images)


def strongest_of(
    by_start: Mapping[str, Mapping[str, Candidate]], split: tuple[NDArray[np.int64], NDArray[np.int64]], images: int
) -> Strongest:
    """The best of candidates by start and name, of which those that count were tried on all ``images``."""

    def best(candidates: Mapping[str, Candidate]) -> Best:
        # Predictors that were tried on fewer images compete among themselves; see `highest`.
        whole = {name: one for name, one in candidates.items() if len(one.indices) == images}
        part = {name: one for name, one in candidates.items() if len(one.indices) < images}
        return highest(*(best_of(some, split) for some in (whole, part) if some))

    locked = best(by_start["locked"])
    public = best(by_start["public"]).honest if "public" in by_start else None
    return Strongest(locked=locked.honest, name=locked.name, public=public)
