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
        largest: also try batches of this many images; they are used only if they agree with canonical ones.
        kind: all that decides which kernels run and on which shapes; what is found of one holds for all of its kind.
            None: of this one alone.
    """

    def __init__(self, canonical: int, *, largest: int | None = None, kind: Hashable | None = None) -> None:
        self.canonical = canonical
        self.largest = largest if largest is not None and largest > canonical else None
        self._agrees = {} if kind is None else _FOUND.setdefault((kind, canonical), {})

    def run(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        """Apply ``transform`` to ``images`` (N, 3, R, R) batch by batch; the result has the same shape."""
        done: list[Tensor] = []
        start = 0
        while start < len(images):
            left = len(images) - start
            if self.largest is not None and left >= self.largest and self._verdict(self.largest) is not False:
                stop = start + self.largest
                done.append(self._large(transform, images[start:stop], ids[start:stop]))
            elif left > self.canonical // 2:
                stop = start + min(left, self.canonical)
                done.append(self._padded(transform, images[start:stop], ids[start:stop]))
            else:
                stop = len(images)
                done.append(self._small(transform, images[start:stop], ids[start:stop]))
            start = stop
        return torch.cat(done) if done else torch.empty_like(images)

    def _padded(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        missing = self.canonical - len(images)
        padded = torch.cat([images, images[-1:].expand(missing, -1, -1, -1)]) if missing else images
        return transform(padded, [*ids, *[ids[-1]] * missing])[: len(images)]

    def _small(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        """At most half a batch: one by one where that gives the same bits, else padded."""
        verdict = self._verdict(1)
        if verdict:
            return torch.cat([transform(image[None], [name]) for image, name in zip(images, ids, strict=True)])
        padded = self._padded(transform, images, ids)
        if verdict is None and self.canonical > 1:
            self._judge(1, padded[:1], transform(images[:1], ids[:1]))
        return padded

    def _large(self, transform: Transform, images: Tensor, ids: Sequence[str]) -> Tensor:
        size = len(images)
        if self._verdict(size):
            return transform(images, ids)
        cuts = range(0, size, self.canonical)
        canonical = torch.cat(
            [self._padded(transform, images[i : i + self.canonical], ids[i : i + self.canonical]) for i in cuts]
        )
        self._judge(size, canonical, transform(images, ids))
        return canonical

    def _verdict(self, size: int) -> bool | None:
        return self._agrees.get((size, torch.get_num_threads()))

    def _judge(self, size: int, expected: Tensor, got: Tensor) -> None:
        if ((expected > 0) & (expected < 1)).float().mean() < _MIN_TELLING:
            return
        agrees = bool(torch.equal(expected, got))
        self._agrees[size, torch.get_num_threads()] = agrees
        _log.debug("batches of %d %s those of %d", size, "agree with" if agrees else "differ from", self.canonical)
