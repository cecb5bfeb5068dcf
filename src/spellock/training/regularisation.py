"""What regularisers need besides the training images: the true class of each image, and which images are raw."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError, DataError
from spellock.training.regularisers import Regulariser


@dataclass(frozen=True, kw_only=True)
class Regularisation:
    """Regularisers, and what they are told of the training images.

    Attributes:
        regularisers: terms that are added; dataclasses, at least one.
        truth: what the images truly are: classes, int64 (N,), or 1 for each class of an image, float or bool (N, C).
        classes: number of real classes; they are the model's first ones, and columns of ``truth`` beyond them are left
            out.
        raw: bool (N,), images as a thief has them.

    Raises:
        ConfigError: there is no regulariser, or one is no dataclass, so that its settings cannot be told from those of
            another run.
        DataError: truth and marks do not fit together.
    """

    regularisers: tuple[Regulariser, ...]
    truth: NDArray[Any]
    classes: int
    raw: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not self.regularisers:
            raise ConfigError("got no regulariser, expected at least one; give no regularisation at all instead")
        for one in self.regularisers:
            if not is_dataclass(one):
                raise ConfigError(f"the regulariser {type(one).__name__} is no dataclass; declare it as one")
        whole = np.issubdtype(self.truth.dtype, np.integer)
        if self.truth.ndim != (1 if whole else 2) or len(self.truth) != len(self.raw) or not len(self.truth):
            raise DataError(
                f"truth: got {self.truth.dtype} of shape {self.truth.shape} for {len(self.raw)} raw marks, expected "
                "int64 (N,), or float (N, C), one row an image"
            )
        low, high = (int(self.truth.min()), int(self.truth.max())) if whole else (0, self.truth.shape[1] - 1)
        if low < 0 or (high >= self.classes if whole else high < self.classes - 1) or self.classes < 2:
            raise DataError(f"truth: got classes from {low} to {high}, expected {self.classes} real ones, at least 2")
        if self.raw.dtype != np.bool_:
            raise DataError(f"raw: got {self.raw.dtype}, expected bool")

    @property
    def asks_start(self) -> bool:
        """Whether a regulariser needs the features of the start weights."""
        return any(one.asks_start for one in self.regularisers)

    def of(self, indices: NDArray[np.int64]) -> NDArray[np.float32]:
        """Truth of some images, (B, classes)."""
        rows = self.truth[indices]
        if rows.ndim == 1:
            rows = np.eye(self.classes)[rows]
        told: NDArray[np.float32] = rows[:, : self.classes].astype(np.float32)
        return told

    def identity(self) -> dict[str, str]:
        """What must be the same for a checkpoint to be continued: settings, and what is true of the images."""
        told = np.ascontiguousarray(self.truth).tobytes() + self.raw.tobytes()
        return {
            "regularisers": ", ".join(repr(one) for one in self.regularisers),
            "truth": hashlib.sha256(told).hexdigest(),
        }
