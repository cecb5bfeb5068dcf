"""One PNG encoder for everything, so that the files differ in their pixels only."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

_COMPRESSION: Final = 6


def encode_png(image: npt.NDArray[np.uint8]) -> bytes:
    """Encode uint8 RGB (H, W, 3) as PNG with no chunks but IHDR, IDAT and IEND; the same pixels give the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, format="PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()
