"""Splits of a thief's few labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.attacks.view import Labels
from spellock.hidden import Scalar


def hold_out(labels: Labels, *, share: float = 0.2, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Places for training and, a ``share`` of every class that has two or more, for choosing; both sorted.

    Where no class has two, the same places serve for both: nothing can then be chosen honestly, and equals decide;
    `chosen_on` says so.
    """
    draws = np.random.default_rng([seed, 0x686F6C64])
    check: list[int] = []
    for label in np.unique(labels):
        members = draws.permutation(np.flatnonzero(labels == label))
        if len(members) > 1:
            check += members[: max(1, round(share * len(members)))].tolist()
    everything = np.arange(len(labels))
    if not check:
        return everything, everything
    return np.setdiff1d(everything, check), np.sort(np.array(check, dtype=np.int64))


def chosen_on(check: NDArray[np.int64], labels: Labels) -> dict[str, Scalar]:
    """What an attack says that it found where it chose on the images that it trained on; else nothing."""
    return {"chosen on": "the images it trained on"} if len(check) == len(labels) else {}
