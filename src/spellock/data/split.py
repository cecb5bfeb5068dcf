"""Stratified split: a share of every class, chosen by a rank that the caller gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels


def stratified_take(
    labels: Labels, share: float, ranks: npt.NDArray[np.uint64], *, minimum: int = 0, leave: int = 1
) -> npt.NDArray[np.bool_]:
    """Mark ``share`` of the images, class by class: those of lowest rank.

    Class counts are apportioned by largest remainder, so that their sum is as near to ``share`` of the whole as the
    limits
    allow; then every class gives at least ``minimum`` and keeps at least ``leave`` images, keeping before giving.

    Args:
        labels: int64 (N,).
        share: in [0, 1].
        ranks: uint64 (N,), a random order of the images; the same ranks give the same choice, whatever the order of
        reading.
        minimum: least number taken of a class.
        leave: least number left of a class.

    Returns:
        bool (N,), True for the images taken.
    """
    taken = np.zeros(len(labels), dtype=np.bool_)
    counts = np.bincount(labels)
    quotas = counts * share
    amounts = np.floor(quotas + 1e-9).astype(np.int64)
    short = int(np.floor(quotas.sum() + 0.5)) - int(amounts.sum())
    largest = np.argsort(-(quotas - amounts), kind="stable")
    amounts[largest[: max(0, short)]] += 1
    amounts = np.minimum(np.maximum(amounts, minimum), np.maximum(counts - leave, 0))
    for label in np.flatnonzero(amounts):
        members = np.flatnonzero(labels == label)
        taken[members[np.argsort(ranks[members], kind="stable")[: amounts[label]]]] = True
    return taken
