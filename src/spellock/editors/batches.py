"""Canonical batches: what is computed does not depend on how many images the caller brings.

Rounding errors of convolutions depend on the shape of the batch, so the same image could come out different alone and
in company. Every batch therefore has one canonical size, and the last one is padded. Another size is used only after
several batches of it have given the very same bits on this machine. One would not do: in low precision most differences
of two kernels are rounded away, and a prompt that shows none says little of the next. Nor is a batch of one image ever
used, because libraries multiply a single row by other kernels than several.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Final

import torch
from torch import Tensor

Transform = Callable[[Tensor, Sequence[str]], Tensor]
_log = logging.getLogger(__name__)
#: Batches that have agreed with canonical ones, or None where one did not, by size and number of threads.
_Proofs = dict[tuple[int, int], int | None]
#: What was found of editors of one kind, which run the same kernels: hundreds of wrong keys need not find it again.
_FOUND: Final[dict[Hashable, _Proofs]] = {}
#: As many batches have to agree before a size is trusted.
PROOFS: Final = 3
#: A comparison counts only if this share of the values is neither black nor white.
_MIN_TELLING: Final = 0.05


class Batches:
    """Cuts images into batches that all give the same bits per image.

    Args:
        canonical: the size that defines the result, 1 or more.
        largest: also try batches of up to this many images. Larger and smaller ones are used only if they agree with
            canonical ones.
        kind: all that decides which kernels run and on which shapes; what is found of one holds for all of its kind.
            None: of this one alone.
    """

    def __init__(self, canonical: int, *, largest: int | None = None, kind: Hashable | None = None) -> None:
        self.canonical = canonical
        most = max(canonical, largest or canonical)
        halved = [canonical >> power for power in range(1, canonical.bit_length() - 1)]
        doubled = [canonical << power for power in range(1, (most // canonical).bit_length())]
        self._sizes = sorted({*halved, canonical, *doubled, most})
        self._proofs: _Proofs = {} if kind is None else _FOUND.setdefault((kind, canonical), {})

    def run(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        """Apply ``transform`` to ``images`` (N, 3, R, R) batch by batch; the result has the same shape."""
        done: list[Tensor] = []
        start = 0
        while start < len(images):
            size = self._next(len(images) - start)
            stop = start + size
            done.append(self._cut(transform, images[start:stop], ids[start:stop], size))
            start = stop
        return torch.cat(done) if done else torch.empty_like(images)

    def _next(self, left: int) -> int:
        """Size of the next batch: the largest that is filled, or for a few images the smallest that holds them."""
        hopeful = [size for size in self._sizes if size == self.canonical or self._proven(size) is not None]
        if left < self.canonical:
            return min(size for size in hopeful if size >= left)
        return max(size for size in hopeful if size <= left)

    def _cut(self, transform: Transform, images: Tensor, ids: Sequence[str], size: int) -> Tensor:
        """One batch: at once where ``size`` is trusted, else canonically, and both ways to find out."""
        proven = self._proven(size)
        if size == self.canonical or (proven is not None and proven >= PROOFS):
            return _padded(transform, images, ids, size)
        cuts = range(0, len(images), self.canonical)
        canonical = torch.cat(
            [
                _padded(transform, images[i : i + self.canonical], ids[i : i + self.canonical], self.canonical)
                for i in cuts
            ]
        )
        self._judge(size, canonical, _padded(transform, images, ids, size))
        return canonical

    def _proven(self, size: int) -> int | None:
        return self._proofs.get((size, torch.get_num_threads()), 0)

    def _judge(self, size: int, expected: Tensor, got: Tensor) -> None:
        if ((expected > 0) & (expected < 1)).float().mean() < _MIN_TELLING:
            return
        agrees = bool(torch.equal(expected, got))
        self._proofs[size, torch.get_num_threads()] = (self._proven(size) or 0) + 1 if agrees else None
        _log.debug("batches of %d %s those of %d", size, "agree with" if agrees else "differ from", self.canonical)


def _padded(transform: Transform, images: Tensor, ids: Sequence[str], size: int) -> Tensor:
    missing = size - len(images)
    padded = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
    return transform(padded, [*ids, *[ids[-1]] * missing])[: len(images)]
