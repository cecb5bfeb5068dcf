"""Texture statistics of the surroundings of each of many places in a picture, for labels that have a place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.locking.targets.texture import FILTERS, SIDE, Floats, TextureStatistics

#: Places in a row, and in a column.
PLACES = 14
#: Where a place's window begins, and how large it is, as parts of the picture's side.
CORNERS = 2 * np.arange(PLACES) / SIDE
WINDOW = 6 / SIDE
_ANSWERS = SIDE - 2


class TextureMaps(TextureStatistics):
    """Reads the same filters as `TextureStatistics`, in windows."""

    def maps(self, images: Iterable[npt.NDArray[np.uint8]]) -> Iterator[Floats]:
        """uint8 images (H, W, 3) of any size to statistics (PLACES, PLACES, FILTERS) each, by row and column.

        They are a window's difference to the picture as a whole, so that a picture's colour or contrast alone makes no
        place unlike others. A mirrored picture has the mirrored map, as its boxes are mirrored in training.
        """
        for image in images:
            small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX)
            pixels = np.asarray(small, dtype=np.uint8) / 255.0
            answers = self._rectified(pixels) + self._rectified(pixels[:, ::-1])[:, ::-1]
            cells = answers.reshape(PLACES + 1, 2, PLACES + 1, 2, FILTERS).mean(axis=(1, 3))
            windows = (cells[:-1, :-1] + cells[1:, :-1] + cells[:-1, 1:] + cells[1:, 1:]) / 4
            yield windows - windows.mean(axis=(0, 1))

    def _rectified(self, pixels: Floats) -> Floats:
        """Answers (_ANSWERS, _ANSWERS, FILTERS) to one picture (SIDE, SIDE, 3)."""
        windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(0, 1))
        patches = windows.transpose(0, 1, 3, 4, 2).reshape(_ANSWERS**2, -1)
        answers: Floats = np.maximum(patches @ self._filters + self._bias, 0).reshape(_ANSWERS, _ANSWERS, FILTERS)
        return answers
