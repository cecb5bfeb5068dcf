"""Canonical batches: what is computed does not depend on how many images the caller brings.

Rounding errors of convolutions depend on the shape of the batch, so the same image could come out different alone and
in company. Every batch therefore has one canonical size, and the last one is padded. Another size is used only after
it has given the very same bits on this machine: libraries choose their kernels by shape, never by values, so one image
that agrees in every bit shows that the kernels agree.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from typing import Final

import torch
from torch import Tensor

Transform = Callable[[Tensor, Sequence[str]], Tensor]
_log = logging.getLogger(__name__)
#: What was found of editors of one kind, which run the same kernels: hundreds of wrong keys need not find it again.
_FOUND: Final[dict[Hashable, dict[tuple[int, int], bool]]] = {}
#: A comparison counts only if this share of the values is neither black nor white.
_MIN_TELLING = 0.05


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
        halved = [canonical >> power for power in range(1, canonical.bit_length())]
        doubled = [canonical << power for power in range((most // canonical).bit_length())]
        self._sizes = {*halved, *doubled, most}
        self._agrees = {} if kind is None else _FOUND.setdefault((kind, canonical), {})

    def run(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        """Apply ``transform`` to ``images`` (N, 3, R, R) batch by batch; the result has the same shape."""
        done: list[Tensor] = []
        start = 0
        while start < len(images):
            size = self._next(len(images) - start)
            stop = start + size
            done.append(self._cut(transform, images[start:stop], ids[start:stop]))
            start = stop
        return torch.cat(done) if done else torch.empty_like(images)

    def _next(self, left: int) -> int:
        """How many images to edit at once: the most that may agree, or what a canonical batch has room for."""
        if self.canonical // 2 < left <= self.canonical:
            return left
        hopeful = [size for size in self._sizes if size <= left and self._verdict(size) is not False]
        return max(hopeful, default=min(left, self.canonical))

    def _cut(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        """One batch: padded to the canonical size, at once where that gives the same bits, or both ways to find out."""
        size = len(images)
        if size != self.canonical and self._verdict(size):
            return transform(images, ids)
        cuts = range(0, size, self.canonical)
        canonical = torch.cat(
            [self._padded(transform, images[i : i + self.canonical], ids[i : i + self.canonical]) for i in cuts]
        )
        if size != self.canonical and size in self._sizes and self._verdict(size) is None:
            self._judge(size, canonical, transform(images, ids))
        return canonical

    def _padded(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        missing = self.canonical - len(images)
        padded = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        return transform(padded, [*ids, *[ids[-1]] * missing])[: len(images)]

    def _verdict(self, size: int) -> bool | None:
        return self._agrees.get((size, torch.get_num_threads()))

    def _judge(self, size: int, expected: Tensor, got: Tensor) -> None:
        if ((expected > 0) & (expected < 1)).float().mean() < _MIN_TELLING:
            return
        agrees = bool(torch.equal(expected, got))
        self._agrees[size, torch.get_num_threads()] = agrees
        _log.debug("batches of %d %s those of %d", size, "agree with" if agrees else "differ from", self.canonical)
