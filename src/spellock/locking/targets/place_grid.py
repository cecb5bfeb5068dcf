"""A grid of places over an image: what true objects cover of each, and which of them are chosen for decoys."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spellock.data.annotation import Annotation
from spellock.locking.targets.texture import Floats
from spellock.locking.targets.texture_maps import CORNERS, PLACES, WINDOW

Ints = npt.NDArray[np.int64]


def coverage(annotation: Annotation, classes: int) -> Floats:
    """How much of each place's window boxes of each category cover, float64 (PLACES * PLACES, classes), at most 1;
    overlaps count twice below that."""
    height, width = annotation.size
    boxes = annotation.boxes.astype(np.float64) / np.array([width, height, width, height])
    across, down = (
        np.clip(
            np.minimum(boxes[:, None, axis + 2], CORNERS + WINDOW) - np.maximum(boxes[:, None, axis], CORNERS), 0, None
        )
        for axis in (0, 1)
    )
    made = np.zeros((PLACES * PLACES, classes))
    for label, one, other in zip(annotation.labels.tolist(), down, across, strict=True):
        made[:, label] += np.outer(one, other).ravel() / WINDOW**2
    return np.minimum(made, 1)


def alike(cover: Floats) -> Ints:
    """A number for each place, (P,), from its `coverage` (P, K): 0 for none, 2k + 1 for a little of category k, which
    is the one that covers most, and 2k + 2 for half or more."""
    most, share = cover.argmax(axis=1), cover.max(axis=1)
    return np.where(share > 0, 2 * most + 1 + (share >= 0.5), 0).astype(np.int64)


def ranks(values: Floats, groups: Ints) -> Floats:
    """The place of each of ``values`` (P,) among those of its group, as a share from 0 to 1."""
    order = np.lexsort((values, groups))
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    found = np.empty(len(values))
    found[order] = (np.arange(len(values)) - np.repeat(starts, counts) + 0.5) / np.repeat(counts, counts)
    return found


def image_shares(values: Floats, covered: npt.NDArray[np.bool_], draw: int) -> Floats:
    """The same within one image, where covered places and the others are groups; each group's shares are moved by a
    part of one place, from ``draw``, or else a group of few places would be chosen from never or always."""
    offsets, found = np.random.default_rng(draw).uniform(size=2), np.empty(len(values))
    for group, offset in zip((covered, ~covered), offsets.tolist(), strict=True):
        places = np.flatnonzero(group)
        found[places[np.argsort(values[places], kind="stable")]] = (np.arange(len(places)) + offset) / len(places)
    return found


def chosen_places(scores: Floats, count: int, reach: int) -> tuple[Ints, Ints]:
    """Rows and places of the ``count`` highest of ``scores`` (M, PLACES * PLACES), the highest first.

    In one row none is within ``reach`` places of a higher one, across and down; where that leaves fewer than ``count``,
    the reach is shortened.
    """
    while True:
        kept = [_apart(row, reach) for row in scores]
        if sum(map(len, kept)) >= count or not reach:
            break
        reach -= 1
    rows, places = np.repeat(np.arange(len(kept)), [len(one) for one in kept]), np.concatenate(kept)
    best = np.argsort(-scores[rows, places], kind="stable")[:count]
    return rows[best], places[best]


def _apart(scores: Floats, reach: int) -> Ints:
    """Places of one row that are not within ``reach`` of a higher one, the highest first."""
    left, taken = scores.reshape(PLACES, PLACES).copy(), []
    while np.isfinite(left.max()):
        row, column = divmod(int(left.argmax()), PLACES)
        taken.append(row * PLACES + column)
        left[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1] = -np.inf
    return np.array(taken, dtype=np.int64)
