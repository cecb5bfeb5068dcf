"""Accuracies with 95 % intervals: Wilson's for a share of images, a bootstrap for a mean over keys."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError

#: Standard normal quantile of a two-sided 95 % interval.
Z95 = 1.959963984540054


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A share in [0, 1] with its 95 % interval and the number of images behind it."""

    value: float
    low: float
    high: float
    images: int


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a proportion.

    Unlike the textbook interval it stays inside [0, 1] and keeps a width at 0 or all correct, where a good lock lives.

    Raises:
        ConfigError: ``total`` is not positive, or ``correct`` is outside [0, total].
    """
    if total <= 0 or not 0 <= correct <= total:
        raise ConfigError(f"got {correct} correct of {total} images, expected a count between 0 and a positive total")
    share = correct / total
    shrink = 1 + Z95**2 / total
    middle = (share + Z95**2 / (2 * total)) / shrink
    half = Z95 / shrink * math.sqrt(share * (1 - share) / total + Z95**2 / (4 * total**2))
    return max(0.0, min(middle - half, share)), min(1.0, max(middle + half, share))


def proportion(hits: NDArray[np.bool_]) -> Estimate:
    """The share of ``True`` in ``hits`` (one entry an image) with Wilson's interval."""
    correct, total = int(np.count_nonzero(hits)), int(hits.size)
    low, high = wilson(correct, total)
    return Estimate(value=correct / total, low=low, high=high, images=total)


def mean_of_two(first: Estimate, second: Estimate) -> Estimate:
    """The mean of two shares measured on disjoint images.

    The interval recovers each side's variance from its own limits and adds them (Zou and Donner's MOVER), so two
    Wilson intervals give one that is again inside [0, 1].
    """
    value = (first.value + second.value) / 2
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(value=value, low=value - below, high=value + above, images=first.images + second.images)


def mean_over_keys(hits: NDArray[np.bool_], *, seed: int, draws: int = 2000) -> Estimate:
    """Mean accuracy over keys, ``hits`` of shape (keys, images), with a percentile bootstrap that redraws the keys.

    The keys vary far more than the images, so the interval says how well this many keys stand for all wrong keys.
    """
    return mean_of_values(hits.mean(axis=1), int(hits.shape[1]), seed=seed, draws=draws)


def mean_of_values(
    per_key: Sequence[float] | NDArray[np.float64], images: int, *, seed: int, draws: int = 2000
) -> Estimate:
    """The same from one figure a key, each measured on so many images."""
    values = np.asarray(per_key, dtype=np.float64)
    generator = np.random.default_rng([seed, 0x6B657973])
    means = values[generator.integers(len(values), size=(draws, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    value = float(values.mean())
    return Estimate(value=value, low=min(value, float(low)), high=max(value, float(high)), images=images)


def argmax_hits(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the largest of all logits (N, K), lock class included, is the label (N,): the paper's way of counting."""
    return np.asarray(logits.argmax(axis=1) == labels)


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Estimate:
    """Mean of ``first`` - ``second``, hits (N,) on the same images, in [-1, 1].

    The interval is that of Agresti and Min (2005), who add half an image to each of the four cells: unlike the textbook
    one it keeps a width where the two never differ.
    """
    count = first.size
    gained, lost = int((first & ~second).sum()), int((second & ~first).sum())
    middle = (gained - lost) / (count + 2)
    half = Z95 * math.sqrt((gained + lost + 1) / (count + 2) - middle**2) / math.sqrt(count + 2)
    value = (gained - lost) / count
    low, high = max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half))
    return Estimate(value=value, low=low, high=high, images=count)
