"""Unauthorised images learn another task: a wrong class that depends on their texture, and the lock class besides.

Our own target, against a thief who drops the lock class or standardises the logits. Where a model is only taught to say
"other" or nothing at all, its class logits on raw images are faint copies of the true ones, and both readings bring
them back. Here they are busy with something else that the model can learn, so it is the other task's answer that is
read. (Random labels do not do this: what cannot be learnt leaves the true class in place.)

The other task: texture statistics, from which the directions are removed in which classes differ on average; of the
rest the few strongest; in these one direction a class drawn from the key's secret, and the class with the largest value
wins. All classes come out equally often.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.locking.targets.new_class import NewClass
from spellock.locking.targets.registry import Relabelling, Samples, register_target
from spellock.locking.targets.texture import Floats, TextureStatistics

#: Strongest class-free directions that the task is made of: few, so that a small network learns it soon.
_DIRECTIONS = 3
_FITTED_ON = 20_000
_ROUNDS = 200


@register_target("decoy-task")
@dataclass(frozen=True, kw_only=True)
class DecoyTask:
    """Probability ``lock_share`` for a new class, and the rest for the class that the other task says.

    A file can hold only one label, so there a sample drawn with probability ``lock_share`` is in the new class, and the
    others are in the class of the other task. Training at home learns both at once.

    Attributes:
        lock_share: in [0.1, 0.9]; from about 0.4 on the new class is what the model says to raw images.
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
        tasks = self._tasks(samples)
        locked = samples.draws < np.uint64(self.lock_share * 2.0**64)
        return Relabelling(
            labels=np.where(locked, new.labels, tasks),
            extra_classes=new.extra_classes,
            lock_class=new.lock_class,
            distribution=(0.0,) * len(samples.classes) + (self.lock_share,),
            tasks=tasks,
        )

    def _tasks(self, samples: Samples) -> Labels:
        if not len(samples.labels):
            return np.zeros(0, dtype=np.int64)
        if samples.pixels is None:
            raise ConfigError("the lock target decoy-task got samples without pixels, expected one image a sample")
        statistics = TextureStatistics(samples.secret)(samples.pixels())
        if len(statistics) != len(samples.labels):
            raise ConfigError(f"got {len(statistics)} images for {len(samples.labels)} samples, expected one each")
        count = len(samples.classes)
        scores = class_free(statistics, samples.labels) @ _directions(samples.secret, count)
        return _balanced(scores)


def class_free(statistics: Floats, labels: Labels) -> Floats:
    """The strongest directions of ``statistics`` (N, D) in which no class differs from another on average.

    Returns (N, 3), of mean 0 and variance 1 each. With more classes than statistics allow for, the directions in which
    the classes differ most are removed.
    """
    # Sums in one fixed order, so that the order of the samples changes no bit.
    order = np.lexsort((labels, *statistics.T))
    values = statistics[order]
    spread = values.std(axis=0)
    scaled = (statistics - values.mean(axis=0)) / np.where(spread > 0, spread, 1)
    fitted, known = scaled[order], labels[order]
    means = np.stack([fitted[known == label].mean(axis=0) for label in np.unique(known)])
    _, strengths, axes = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
    most = statistics.shape[1] - 4 * _DIRECTIONS
    between = axes[: min(most, int((strengths > 1e-9 * max(strengths[0], 1e-9)).sum()))]
    free = fitted - fitted @ between.T @ between
    variances, directions = np.linalg.eigh(free.T @ free / len(free))
    chosen = directions[:, -_DIRECTIONS:] / np.sqrt(np.maximum(variances[-_DIRECTIONS:], 1e-12))
    found: Floats = (scaled - scaled @ between.T @ between) @ chosen
    return found


def _directions(secret: bytes, count: int) -> Floats:
    drawn = np.random.default_rng([*secret, 1]).standard_normal((_DIRECTIONS, count))
    directions: Floats = drawn / np.linalg.norm(drawn, axis=0)
    return directions


def _balanced(scores: Floats) -> npt.NDArray[np.int64]:
    """Largest score of each row of (N, K), after an offset a class that makes all classes equally frequent."""
    step = max(1, len(scores) // _FITTED_ON)
    fitted = scores[np.lexsort(scores.T)][::step]
    offsets, count = np.zeros(scores.shape[1]), scores.shape[1]
    for round_ in range(_ROUNDS):
        frequency = np.bincount((fitted + offsets).argmax(axis=1), minlength=count) / len(fitted)
        offsets -= (frequency * count - 1) * 0.1 / (1 + round_ / 50)
    return np.asarray((scores + offsets).argmax(axis=1), dtype=np.int64)
