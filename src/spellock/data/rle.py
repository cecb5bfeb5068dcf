"""Masks as run lengths, in COCO's order: column by column, background first; plain numbers, or COCO's text for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spellock.errors import DataError

BoolMask = npt.NDArray[np.bool_]
_LARGEST = 2**31


@dataclass(frozen=True, eq=False)
class Rle:
    """One mask.

    Attributes:
        size: height and width in pixels.
        runs: int64, lengths of the runs of background and object in turn, the first of background (perhaps 0).

    Raises:
        DataError: the runs do not fill the mask, or one is negative.
    """

    size: tuple[int, int]
    runs: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        height, width = self.size
        if not 0 < height * width < _LARGEST or min(height, width) < 1:
            raise DataError(f"a mask has size {height}x{width}, expected a height and width of at least 1 pixel each")
        if (self.runs < 0).any() or int(self.runs.sum()) != height * width:
            raise DataError(
                f"a mask's run lengths cover {int(self.runs.sum())} pixels, expected {height}x{width}; it was made for "
                "an image of another size"
            )

    def decode(self) -> BoolMask:
        """The mask, bool (H, W)."""
        height, width = self.size
        mask: BoolMask = np.repeat(np.arange(len(self.runs)) % 2 == 1, self.runs).reshape(width, height).T
        return mask

    def scaled(self, size: tuple[int, int]) -> Rle:
        """The mask in an image squashed or stretched to ``size`` (height, width), by the nearest pixel."""
        if size == self.size:
            return self
        rows, columns = (
            ((np.arange(new) + 0.5) * old / new).astype(np.int64) for new, old in zip(size, self.size, strict=True)
        )
        return encode(self.decode()[rows[:, None], columns])

    def text(self) -> str:
        """COCO's compressed ``counts``: five bits a character, the lowest first; from the fourth run on differences to
        the run before the last."""
        letters: list[str] = []
        values = self.runs.tolist()
        for place, run in enumerate(values):
            value, more = run - (values[place - 2] if place > 2 else 0), True
            while more:
                bits, value = value & 31, value >> 5
                more = value != (-1 if bits & 16 else 0)
                letters.append(chr(48 + (bits | 32 if more else bits)))
        return "".join(letters)


def encode(mask: BoolMask) -> Rle:
    """Run lengths of a mask, bool (H, W)."""
    line = np.asarray(mask, dtype=np.bool_).T.reshape(-1)
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1
    edges = np.concatenate([[0] if line.size and line[0] else [], [0], changes, [line.size]]).astype(np.int64)
    return Rle((mask.shape[0], mask.shape[1]), np.diff(edges))


def from_text(text: str, size: tuple[int, int]) -> Rle:
    """Read COCO's compressed ``counts``.

    Raises:
        DataError: it breaks off, has other characters, or is of another size.
    """
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - 48
        if not 0 <= code < 64 or shift > 40:
            raise DataError(f"a mask's counts hold {letter!r} where COCO's run lengths have none; write it again")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value |= -1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise DataError("a mask's counts break off in the middle of a number; the file is damaged")
    if any(not 0 <= run < _LARGEST for run in runs):
        raise DataError("a mask's counts hold a run that is negative or too long; the file is damaged")
    return Rle(size, np.array(runs, dtype=np.int64))
