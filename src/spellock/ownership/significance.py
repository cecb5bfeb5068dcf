"""From the statistic of the right key and those of random keys to a p-value, and one-sided tests of means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def rank_p(right: float, random: Sequence[float], *, stopped: bool = False) -> float:
    """(1 + g) / (M + 1), g the number of M random keys that do as well as the right one or better.

    Exact: if the right key was drawn as the random ones were and the suspect does not know it, all ranks are equally
    likely, so p <= a has probability a at most. ``stopped`` says that drawing ended with the last random key because it
    made g large enough (Besag and Clifford 1991); p is then g / M, which is exact for that rule.
    """
    better = sum(value >= right for value in random)
    return better / len(random) if stopped else (1 + better) / (len(random) + 1)


def normal_p(right: float, random: Sequence[float]) -> float:
    """P(T > right) for one more key if all keys' statistics were draws of one normal distribution.

    t = (right - mean) / (s sqrt(1 + 1/M)) with M - 1 degrees of freedom. An extension beyond what ranks can say; it
    stands on that assumption. 1 for fewer than two random keys; where they are all equal, 0 above them and else 1.
    """
    values = np.asarray(random, dtype=np.float64)
    if len(values) < 2:
        return 1.0
    spread = float(values.std(ddof=1)) * np.sqrt(1 + 1 / len(values))
    if spread == 0:
        return 0.0 if right > values[0] else 1.0
    return float(stats.t.sf((right - values.mean()) / spread, len(values) - 1))


def greater_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Welch's one-sided t-test: p-value of "the mean of ``first`` is not greater".

    Where neither varies, as scores of a classifier that is sure of all, it is the test's limit: 0 where ``first`` is
    greater, else 1.
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.std() == 0 and b.std() == 0:
        return 0.0 if a.mean() > b.mean() else 1.0
    return float(stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue)
