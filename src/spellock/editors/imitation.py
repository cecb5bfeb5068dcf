"""Imitation: raw images take the mean image and the power spectrum of edited ones. No network, no pairs.

What anyone can do who has a few edited images, and so what a lock should not take for the edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from spellock.editors.base import Editor
from spellock.editors.spectrum import SpectrumMatch
from spellock.errors import PixelError
from spellock.key import Key


class Imitation(Editor):
    """G(x) of `SpectrumMatch`, as the whole edit; see `spellock.attacks.spectrum_transfer`.

    Args:
        key: of the edit that is imitated; its size and resize filter are used, and nothing that is secret.
        raw: float32 (M, 3, R, R) in [0, 1].
        edited: float32 (N, 3, R, R) in [0, 1], no partners of ``raw``.
        spectrum: whether powers are matched, or the mean image alone, which holds a pattern that all edits have.

    Raises:
        PixelError: one of both is empty, or they have not the key's size.
    """

    canonical_batch = 32

    def __init__(self, key: Key, *, raw: Tensor, edited: Tensor, spectrum: bool = True) -> None:
        super().__init__(key.replace(gamma=1.0))
        side = key.resolution
        for name, images in (("raw", raw), ("edited", edited)):
            if not len(images) or images.shape[1:] != (3, side, side):
                raise PixelError(
                    f"{name} images to imitate: got {tuple(images.shape)}, expected (N, 3, {side}, {side}), N above 0"
                )
        match = SpectrumMatch.of(raw, edited)
        self._match = match if spectrum else replace(match, gain=torch.ones_like(match.gain))

    def transform(self, images: Tensor, ids: Sequence[str]) -> Tensor:
        """See `Editor`."""
        return self._match(images).clamp(0, 1)
