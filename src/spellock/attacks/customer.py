"""An unlocked model that a thief may ask: somebody with the key answers, and the thief sees the answers only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError, DataError


class Customer:
    """Class probabilities (N, classes) that an unlocked model gives the thief's N raw images, each told when asked for.

    The answers are written down beforehand, so that neither key nor editor is within the thief's reach.

    Args:
        answers: float32, rows that sum to 1, in the order of the view's unlabelled images.
        limit: images that are answered; one that was answered already is free.

    Raises:
        DataError: the answers are not one row of probabilities an image.
    """

    def __init__(self, answers: NDArray[np.float32], *, limit: int | None = None) -> None:
        if answers.ndim != 2 or not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
            raise DataError(f"got answers of shape {answers.shape}, expected (N, classes) with rows that sum to 1")
        self._answers, self._limit = answers, limit
        self._asked: set[int] = set()

    def __call__(self, places: NDArray[np.int64]) -> NDArray[np.float32]:
        """Probabilities (M, classes) of the images at ``places`` (M,).

        Raises:
            ConfigError: more images would be asked for than the limit allows.
        """
        asked = self._asked | {int(place) for place in places}
        if self._limit is not None and len(asked) > self._limit:
            raise ConfigError(f"the attack asked for {len(asked)} answers, its budget has {self._limit}; ask for fewer")
        self._asked = asked
        found: NDArray[np.float32] = self._answers[places]
        return found

    @property
    def spent(self) -> int:
        """Images answered."""
        return len(self._asked)

    @property
    def left(self) -> int:
        """Images that may still be asked for."""
        most = len(self._answers) if self._limit is None else min(self._limit, len(self._answers))
        return most - len(self._asked)
