"""Motifs of small patches: the solid square of BadNets (Gu et al. 2017) and the two certificates of M-LOCK.

M-LOCK (Results) shows its certificates in a figure only: "several bright pixels" (I) and "a pattern of bright pixels"
(II). Here I sets a quarter of the square's pixels and leaves the others as the image has them; II sets all of them,
half bright and half black. Which ones, the secret says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spellock.key import Key
from spellock.keystream import Keystream

MOTIFS: Final = ("solid", "pixels", "pattern")
#: The colour that stands for one drawn from the secret.
SECRET: Final = "secret"
_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, kw_only=True)
class Motif:
    """A square of pixels.

    Attributes:
        pixels: uint8 RGB (S, S, 3).
        mask: bool (S, S), where the image is replaced by them.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def is_colour(text: str) -> bool:
    """Whether ``text`` is ``#rrggbb`` or ``secret``."""
    return text == SECRET or _HEX.fullmatch(text) is not None


def draw_motif(key: Key, kind: str, *, size: int, colour: str) -> Motif:
    """The motif of ``key``.

    Args:
        key: its secret decides what is drawn.
        kind: one of `MOTIFS`.
        size: side in pixels, 1 or more.
        colour: of the bright pixels: ``#rrggbb``, or ``secret`` for one drawn colour (solid) or one a pixel.
    """
    shades = _shades(key, 1 if kind == "solid" else size * size, colour)
    bright = np.zeros(size * size, dtype=np.bool_)
    chosen = {"solid": size * size, "pixels": max(1, round(size * size / 4)), "pattern": max(1, size * size // 2)}[kind]
    bright[Keystream(key, f"patch motif {kind} {size}").order(size * size)[:chosen]] = True
    pixels = np.where(bright[:, None], shades, 0).astype(np.uint8).reshape(size, size, 3)
    mask = bright.reshape(size, size) if kind == "pixels" else np.ones((size, size), dtype=np.bool_)
    return Motif(pixels=pixels, mask=mask)


def _shades(key: Key, count: int, colour: str) -> NDArray[np.uint8]:
    """uint8 (``count`` or 1, 3)."""
    if colour == SECRET:
        return Keystream(key, f"patch colour {count}").bytes(3 * count).reshape(count, 3)
    return np.frombuffer(bytes.fromhex(colour[1:]), dtype=np.uint8).reshape(1, 3)
