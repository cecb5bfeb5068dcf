"""What images are called, for keys with noise per image: as whoever asks says, or after what is in them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError
from spellock.unlocking.inputs import Opened, Skipped

_EXPECTED: Final = "expected one id an image; leave ids out to use digests of the images"


def digests(pixels: NDArray[np.uint8]) -> list[str]:
    """Names of prepared images (N, R, R, 3) that files' names and neighbours do not change."""
    return [hashlib.sha256(row.tobytes()).hexdigest() for row in pixels]


class GivenIds:
    """Names that are given with the images, in order.

    Raises:
        ConfigError: fewer or more of them than images.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        self._left = iter(ids)

    def of(self, batch: Sequence[Opened | Skipped]) -> list[str]:
        """Names of the images of the next ``batch`` that could be read.

        A name belongs to every input, read or not, so that a broken file does not shift those after it.
        """
        taken = list(itertools.islice(self._left, len(batch)))
        if len(taken) < len(batch):
            raise ConfigError(f"got fewer ids than images, {_EXPECTED}")
        return [name for name, one in zip(taken, batch, strict=True) if isinstance(one, Opened)]

    def check_spent(self) -> None:
        """Check, behind the last batch, that no name is left."""
        if next(self._left, None) is not None:
            raise ConfigError(f"got more ids than images, {_EXPECTED}")
