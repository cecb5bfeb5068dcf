"""Which images go into which batch: plain drawing, or balanced between authorised and unauthorised images.

Eq. 2 of ModelLock adds two expectations, one over the lock subset and one over the edited subset. Plain drawing mixes
both sets and so weighs them by their sizes (5 % against 95 %), as the authors' code does; balanced drawing gives each
batch a fixed share of unauthorised images, so that the batch mean is the sum of both expectations with fixed weights.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spellock.errors import ConfigError
from spellock.training.seeds import numpy_generator

Indices = NDArray[np.int64]


class Sampler(Protocol):
    """Batches of an epoch, always the same for the same seed and epoch."""

    steps: int

    def epoch(self, epoch: int) -> list[Indices]:
        """Image numbers of each batch of epoch ``epoch`` (from 0)."""
        ...


class PlainSampler:
    """Every image once an epoch, in batches whose sizes differ by at most one (no tiny last batch)."""

    def __init__(self, count: int, *, batch_size: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self.steps = -(-count // batch_size)

    def epoch(self, epoch: int) -> list[Indices]:
        order = numpy_generator(self._seed, "order", epoch).permutation(self._count)
        return np.array_split(order, self.steps)


class BalancedSampler:
    """Every authorised image once an epoch, and in each batch ``share`` of its images unauthorised.

    Unauthorised images are taken from an endless row of shuffles that runs on through the epochs, so that all of them
    are used equally often (within one) however few or many there are.

    Args:
        authorised: bool (N,), True for images that the model shall work on.
        share: of each batch, in (0, 1); at least one image of each kind goes into every batch.

    Raises:
        ConfigError: there are no images of one kind.
    """

    def __init__(self, authorised: NDArray[np.bool_], *, batch_size: int, share: float, seed: int) -> None:
        self._authorised, self._others = np.flatnonzero(authorised), np.flatnonzero(~authorised)
        if not len(self._authorised) or not len(self._others):
            raise ConfigError(
                f"balanced drawing got {len(self._authorised)} authorised and {len(self._others)} unauthorised images, "
                "expected some of both; set unauthorised_share to None for plain drawing"
            )
        self._seed = seed
        others = min(max(round(share * batch_size), 1), batch_size - 1)
        self.steps = -(-len(self._authorised) // (batch_size - others))
        sizes = [len(part) for part in np.array_split(self._authorised, self.steps)]
        self._take = [max(round(size * others / (batch_size - others)), 1) for size in sizes]

    def epoch(self, epoch: int) -> list[Indices]:
        order = numpy_generator(self._seed, "order", epoch).permutation(self._authorised)
        others = self._stream(epoch * sum(self._take), sum(self._take))
        parts = np.split(others, np.cumsum(self._take)[:-1])
        return [np.concatenate(pair) for pair in zip(np.array_split(order, self.steps), parts, strict=True)]

    def _stream(self, start: int, length: int) -> Indices:
        """``length`` entries of the endless row, from ``start``."""
        size = len(self._others)
        first, last = start // size, (start + length - 1) // size
        row = [numpy_generator(self._seed, "others", lap).permutation(self._others) for lap in range(first, last + 1)]
        return np.concatenate(row)[start - first * size :][:length]


def make_sampler(
    count: int, authorised: NDArray[np.bool_] | None, *, batch_size: int, share: float | None, seed: int
) -> Sampler:
    """Balanced drawing where ``share`` is given, else plain drawing.

    Raises:
        ConfigError: balanced drawing without knowing which images are authorised, or with one kind only.
    """
    if share is None:
        return PlainSampler(count, batch_size=batch_size, seed=seed)
    if authorised is None:
        raise ConfigError(
            "balanced drawing needs to know which images are authorised; pass authorised= (bool, one per "
            "image), or set unauthorised_share to None for plain drawing"
        )
    return BalancedSampler(authorised, batch_size=batch_size, share=share, seed=seed)
