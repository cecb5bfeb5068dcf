"""Disjoint halves of a test set: whatever is fitted or chosen on one is scored on the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.errors import DataError


def halves(labels: NDArray[np.int64], *, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two disjoint, sorted index arrays that together hold every image, each class split evenly and by chance.

    Raises:
        DataError: fewer than two images.
    """
    if len(labels) < 2:
        raise DataError(
            f"got {len(labels)} labelled images, expected at least 2 so that one half scores what the other chose"
        )
    generator = np.random.default_rng([seed, 0x68616C66])
    first: list[NDArray[np.int64]] = []
    second: list[NDArray[np.int64]] = []
    extra = False  # the odd image of a class goes to either side in turn
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        cut = (len(members) + int(extra)) // 2
        extra ^= bool(len(members) % 2)
        first.append(members[:cut])
        second.append(members[cut:])
    return np.sort(np.concatenate(first)), np.sort(np.concatenate(second))


def stratified_subset(labels: NDArray[np.int64], count: int, *, seed: int) -> NDArray[np.int64]:
    """Sorted indices of ``count`` images (all when there are fewer), evenly over the classes, by chance within."""
    if count >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    generator = np.random.default_rng([seed, 0x73756273])
    order = generator.permutation(len(labels))
    seen: dict[int, int] = {}
    rank = np.empty(len(labels), dtype=np.int64)
    for index in order:
        label = int(labels[index])
        rank[index] = seen.get(label, 0)
        seen[label] = rank[index] + 1
    # first the first image of every class, then every second image, and so on; ties in the order of the permutation
    return np.sort(order[np.argsort(rank[order], kind="stable")][:count])
