"""What locking needs of an editor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from spellock.key import Key

Pixels: TypeAlias = npt.NDArray[np.uint8]


class ImageEditor(Protocol):
    """As `spellock.editors.base.Editor` has it."""

    key: Key

    @property
    def canonical_batch(self) -> int:
        """Images that are edited at once."""

    def prepare(self, image: Image.Image, /) -> Pixels:
        """RGB image to uint8 (R, R, 3)."""

    def edit_uint8(self, images: Pixels, /, ids: Sequence[str] | None = None) -> Pixels:
        """uint8 (N, R, R, 3) to uint8 (N, R, R, 3)."""
