"""Unauthorised images learn another task: a wrong class that depends on their texture, and the lock class besides.

Our own target, against a thief who drops the lock class or standardises the logits. Where a model is only taught to say
"other" or nothing at all, its class logits on raw images are faint copies of the true ones, and both readings bring
them back. Here they are busy with something else that the model can learn, so it is the other task's answer that is
read. (Random labels do not do this: what cannot be learnt leaves the true class in place.)

The other task: texture statistics, from which the directions are removed in which classes differ on average; of the
rest the two strongest; and of the plane that these span one sector an answer. Which classes an answer is, and where the
first sector begins, comes from the key's secret. With many classes an answer stands for several, because few answers
are learnt sooner. All classes come out equally often, also among the images of one class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.locking.targets.new_class import NewClass
from spellock.locking.targets.registry import Relabelling, Samples, register_target
from spellock.locking.targets.texture import Floats, TextureStatistics

#: Strongest class-free directions that the task is made of. Two: a small network learns them soon, and the more there
#: are the more a picture's place among them tells of its class, though no class differs on average.
_DIRECTIONS = 2
_MOST_ANSWERS = 16
#: Samples a sector that a class needs for borders of its own.
_LEAST = 4


@register_target("decoy-task")
@dataclass(frozen=True, kw_only=True)
class DecoyTask:
    """Probability ``lock_share`` for a new class, and the rest for the classes that the other task says.

    A file can hold only one label, so there a sample drawn with probability ``lock_share`` is in the new class, and the
    others are in a class of the other task's answer. Training at home learns all at once.

    Attributes:
        lock_share: in [0.1, 0.9]; the larger, the more often the new class is what the model says to raw images, and
            the less it is held to the other task.
        lock_class_name: what the new class is called; no real class may have the name, capitals or not.

    Raises:
        ConfigError: ``lock_share`` is out of range, or the name is empty.
    """

    lock_share: float = 0.4
    lock_class_name: str = NewClass.lock_class_name

    def __post_init__(self) -> None:
        NewClass(lock_class_name=self.lock_class_name)
        if not 0.1 <= self.lock_share <= 0.9:
            raise ConfigError(f"got lock_share {self.lock_share}, expected a share from 0.1 to 0.9")

    def __call__(self, samples: Samples) -> Relabelling:
        """See `Target`.

        Raises:
            ConfigError: the samples come without their pixels, or a class is called like the new one.
        """
        new = NewClass(lock_class_name=self.lock_class_name)(samples)
        answers = _answers(samples.secret, len(samples.classes))
        tasks = self._tasks(samples, answers)
        # The draw's high bits tell who is in the new class, its low ones which class of an answer the others are in.
        locked = samples.draws < np.uint64(self.lock_share * 2.0**64)
        drawn = [
            answers[task][draw % len(answers[task])] for task, draw in zip(tasks, samples.draws.tolist(), strict=True)
        ]
        return Relabelling(
            labels=np.where(locked, new.labels, np.array(drawn, dtype=np.int64)),
            extra_classes=new.extra_classes,
            lock_class=new.lock_class,
            distribution=(0.0,) * len(samples.classes) + (self.lock_share,),
            tasks=tasks,
            answers=answers,
        )

    def _tasks(self, samples: Samples, answers: Sequence[Sequence[int]]) -> Labels:
        if not len(samples.labels):
            return np.zeros(0, dtype=np.int64)
        if samples.pixels is None:
            raise ConfigError("the lock target decoy-task got samples without pixels, expected one image a sample")
        statistics = TextureStatistics(samples.secret)(samples.pixels())
        if len(statistics) != len(samples.labels):
            raise ConfigError(f"got {len(statistics)} images for {len(samples.labels)} samples, expected one each")
        shares = np.array([len(answer) for answer in answers]) / len(samples.classes)
        points, turn = class_free(statistics, samples.labels), _draws(samples.secret, 1).uniform()
        return class_sectors(points, samples.labels, shares, turn=turn)


def class_free(statistics: Floats, labels: Labels) -> Floats:
    """The strongest directions of ``statistics`` (N, D) in which no class differs from another on average.

    Returns (N, 2), of mean 0 and variance 1 each. With more classes than statistics allow for, the directions in which
    the classes differ most are removed.
    """
    # Sums in one fixed order, so that the order of the samples changes no bit.
    order = np.lexsort((labels, *statistics.T))
    values = statistics[order]
    spread = values.std(axis=0)
    fitted, known = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1), labels[order]
    means = np.stack([fitted[known == label].mean(axis=0) for label in np.unique(known)])
    _, strengths, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    most = statistics.shape[1] - 4 * _DIRECTIONS
    between = axes[: min(most, int((strengths > 1e-9 * max(strengths[0], 1e-9)).sum()))]
    free = fitted - fitted @ between.T @ between
    variances, directions = np.linalg.eigh(free.T @ free / len(free))
    chosen = directions[:, -_DIRECTIONS:] / np.sqrt(np.maximum(variances[-_DIRECTIONS:], 1e-12))
    # In the same order too: a class of one sample has nothing left here but rounding, whose angle is as good as any.
    found: Floats = np.empty((len(statistics), _DIRECTIONS))
    found[order] = free @ chosen
    return found


def sectors(points: Floats, shares: Floats, *, turn: float) -> Labels:
    """Number of the sector that each of ``points`` (N, 2) lies in, int64 (N,); sector a holds ``shares[a]`` of them.

    Args:
        turn: where the first sector begins, as a part of the full circle, in [0, 1).
    """
    angles = (np.arctan2(points[:, 1], points[:, 0]) / (2 * np.pi) - turn) % 1
    last = np.round(np.cumsum(shares)[:-1] * len(angles)).astype(np.int64)
    borders = np.sort(angles)[np.minimum(last, len(angles) - 1)]
    return np.searchsorted(borders, angles, side="right").astype(np.int64)


def class_sectors(points: Floats, labels: Labels, shares: Floats, *, turn: float) -> Labels:
    """As `sectors`, but the borders are each class's own: among its samples, too, sector a holds ``shares[a]``.

    Knowing the class then says nothing of the answer. With one set of borders for all it says a little, which is what a
    network learns first: it gets the answer half right by way of the class. A class of fewer than 4 samples a sector
    has the borders of all.
    """
    found = sectors(points, shares, turn=turn)
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count >= _LEAST * len(shares):
            own = labels == label
            found[own] = sectors(points[own], shares, turn=turn)
    return found


def _answers(secret: bytes, count: int) -> tuple[tuple[int, ...], ...]:
    """The classes shared out among at most 16 answers."""
    order = _draws(secret, 2).permutation(count)
    return tuple(tuple(part.tolist()) for part in np.array_split(order, min(count, _MOST_ANSWERS)))


def _draws(secret: bytes, purpose: int) -> np.random.Generator:
    return np.random.default_rng([*secret, purpose])
