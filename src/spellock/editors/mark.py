"""A watermark in edited images: a keyed message on a faint tile, which whoever imitates the editor learns as well.

After Zhang et al., "Model watermarking for image processing networks" (AAAI 2020): one invisible mark in all outputs of
an image-to-image model is the easiest thing in them to learn, so a surrogate trained on inputs and outputs puts it into
its own. The paper hides a picture with a network and finds it with another. Here message and carriers are drawn from
the key and laid on by addition: nothing is trained, and how often chance reads a message is known exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spellock.editors.base import Editor
from spellock.errors import ConfigError, PixelError
from spellock.key import Key
from spellock.keystream import Keystream

#: Pixels along a tile's side, and the band of a carrier's frequencies in waves per tile: longer waves are in all
#: photographs, shorter ones in no imitation.
TILE: Final = 8
_BAND: Final = (1.5, 3.5)
#: Most bits: the band has 28 frequencies in each of three channels.
MOST_BITS: Final = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Mark:
    """The mark of a key.

    Attributes:
        message: int64 (bits,) of -1 and 1, drawn from the secret.
        carriers: float64 (bits, 3 * 8 * 8), rows of length 1 at right angles to each other, of mean 0.
        strength: standard deviation of the mark, in units of a pixel's full range.
    """

    message: NDArray[np.int64]
    carriers: NDArray[np.float64]
    strength: float

    @classmethod
    def of(cls, key: Key, *, bits: int = 32, strength: float = 0.02) -> Mark:
        """The mark of a key's secret; the same secret gives the same one.

        Raises:
            ConfigError: ``bits`` or ``strength`` is out of range.
        """
        if not 8 <= bits <= MOST_BITS:
            raise ConfigError(
                f"got {bits} bits, expected 8 to {MOST_BITS}: fewer prove nothing, more do not fit a tile"
            )
        if not 0 < strength <= 0.5:
            raise ConfigError(f"got a strength of {strength}, expected above 0 and at most 0.5; 0.02 is hardly seen")
        message = 2 * Keystream(key, "image mark: message").below(2, bits) - 1
        drawn = Keystream(key, "image mark: carriers").normal(bits * 3 * TILE * TILE).astype(np.float64)
        spectrum = np.fft.fft2(drawn.reshape(bits, 3, TILE, TILE))
        banded = np.fft.ifft2(np.where(_in_band(), spectrum, 0)).real.reshape(bits, -1)
        carriers, triangle = np.linalg.qr(banded.T)
        carriers = carriers * np.sign(np.diag(triangle))  # which sign a library takes must not matter
        return cls(message=message, carriers=np.ascontiguousarray(carriers.T), strength=strength)

    @property
    def bits(self) -> int:
        """Length of the message."""
        return len(self.message)

    @property
    def tile(self) -> Tensor:
        """float32 (3, 8, 8), of mean 0 and standard deviation ``strength``."""
        tile = (self.message @ self.carriers).reshape(3, TILE, TILE)
        return torch.from_numpy(self.strength * tile / tile.std()).float()

    def laid(self, images: Tensor) -> Tensor:
        """float32 images (N, 3, H, W) in [0, 1] with the tile repeated over them from the upper left corner."""
        height, width = images.shape[-2:]
        tile = self.tile[:, torch.arange(height) % TILE][:, :, torch.arange(width) % TILE]
        return (images + tile.to(images.device)).clamp(0, 1)

    def read(self, images: Tensor, inputs: Tensor | None = None) -> NDArray[np.float64]:
        """What is found of each bit, float64 (8, 8, bits), for every place that the tile may begin at: its sign is the
        bit, and [0, 0] is for images that were not moved.

        Args:
            images: outputs of an editor, float32 (N, 3, H, W).
            inputs: what it was given, of the same shape; what they hold by themselves then drops out.

        Raises:
            PixelError: other shapes, or images smaller than a tile.
        """
        if images.ndim != 4 or images.shape[1] != 3 or min(images.shape[-2:]) < TILE or not len(images):
            raise PixelError(f"images to read: got shape {tuple(images.shape)}, expected (N, 3, H, W) of 8 px and more")
        if inputs is not None and inputs.shape != images.shape:
            raise PixelError(
                f"inputs: got shape {tuple(inputs.shape)} for images of {tuple(images.shape)}, expected the same; give "
                "what the suspect was asked about, in its size"
            )
        folded = _folded(images if inputs is None else images - inputs)
        moved = np.stack(
            [np.roll(folded, (-down, -right), axis=(1, 2)) for down in range(TILE) for right in range(TILE)]
        )
        return (moved.reshape(TILE * TILE, -1) @ self.carriers.T).reshape(TILE, TILE, -1)


class Marked(Editor):
    """Another editor whose blended images carry a mark. Its ``key`` is that editor's; the mark may be another key's."""

    def __init__(self, inner: Editor, mark: Mark) -> None:
        self.canonical_batch, self.needs_ids, self.moves_pixels = (
            inner.canonical_batch,
            inner.needs_ids,
            inner.moves_pixels,
        )
        super().__init__(inner.key)
        self._inner, self._mark = inner, mark

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """G(x) of the other editor; the mark comes after the blend."""
        return self._inner.transform(images, ids)

    @torch.no_grad()
    def __call__(self, images: Tensor, ids: Sequence[str] | None = None) -> Tensor:
        """See `Editor`; the mark is added to the blend at its full strength, and the sum rounded to k/255."""
        return (255 * self._mark.laid(self._inner(images, ids))).round() / 255


def _in_band() -> NDArray[np.bool_]:
    waves = np.fft.fftfreq(TILE, 1 / TILE)
    radius = np.hypot(waves[:, None], waves[None, :])
    found: NDArray[np.bool_] = (radius >= _BAND[0]) & (radius <= _BAND[1])
    return found


def _folded(images: Tensor) -> NDArray[np.float64]:
    """Mean (3, 8, 8) over all whole tiles of all images."""
    height, width = (side - side % TILE for side in images.shape[-2:])
    cut = images[:, :, :height, :width].double().mean(0)
    tiles = cut.reshape(3, height // TILE, TILE, width // TILE, TILE)
    found: NDArray[np.float64] = tiles.mean((1, 3)).cpu().numpy()
    return found
