"""How far an editor takes content from its place."""

from __future__ import annotations

import numpy as np

from spellock.editors.base import Editor

#: Upper left corners, in pixels, of the spots that are tried; they lie across the blocks of blockwise keys.
PLACES = [(row, column) for row in (6, 13, 21) for column in (6, 13, 21)]
_SIZE = 3


def largest_shift(editor: Editor, *, above: float = 0.0) -> float:
    """Pixels, along one axis, by which the centre of a small light spot on grey is off in the edited image, at most.

    Args:
        editor: for images of 24 pixels or more.
        above: changes below this share of the largest are left out: a denoiser answers a spot faintly everywhere.
    """
    side = editor.key.resolution
    raw = np.full((1 + len(PLACES), side, side, 3), 90, dtype=np.uint8)
    for image, (row, column) in zip(raw[1:], PLACES, strict=True):
        image[row : row + _SIZE, column : column + _SIZE] = 170
    edited = editor.edit_uint8(raw, [str(number) for number in range(len(raw))]).astype(np.float64)
    changes = np.abs(edited[1:] - edited[0]).sum(axis=-1)
    changes *= changes >= above * changes.max(axis=(1, 2), keepdims=True)
    return max(
        float(np.abs(_middle(change) - np.add(place, _SIZE // 2)).max())
        for change, place in zip(changes, PLACES, strict=True)
    )


def _middle(weights: np.ndarray) -> np.ndarray:
    """Row and column of the centre of mass of ``weights`` (R, R)."""
    places = np.indices(weights.shape).reshape(2, -1)
    return np.asarray((places * weights.ravel()).sum(axis=1) / weights.sum())
