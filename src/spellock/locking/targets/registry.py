"""Lock targets by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from spellock.data.image_set import Labels
from spellock.errors import ConfigError
from spellock.named import no_such
from spellock.named_classes import NamedClasses


@dataclass(frozen=True, kw_only=True)
class Samples:
    """The unauthorised samples of a locked set: raw images, raw twins and decoys.

    Attributes:
        labels: int64 (M,), their true labels, each in [0, K); or int64 (M, K), zeros and ones, for several labels;
            or an object array (M,) of the objects in each image.
        classes: names of the K real classes, at least two where an image has one of them.
        draws: uint64 (M,), one uniform random number a sample. It comes from the key's secret, the locking seed and
            the sample's name, so it does not depend on the order of the samples, and only the key's holder can tell
            it.
        secret: bytes drawn from the key's secret and the locking seed, for what concerns all samples.
        pixels: called for the samples' images, uint8 (R, R, 3), one after the other; None where they are not at hand.
        shares: of several labels, the share of the raw set's images that has each; None where nobody says.

    Raises:
        ConfigError: fewer than two classes, or not one draw a sample.
    """

    labels: Labels
    classes: tuple[str, ...]
    draws: npt.NDArray[np.uint64]
    secret: bytes = field(default=bytes(32), repr=False)
    pixels: Callable[[], Iterable[npt.NDArray[np.uint8]]] | None = None
    shares: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if self.labels.ndim == 1 and self.labels.dtype != object and len(self.classes) < 2:
            raise ConfigError(
                f"got {len(self.classes)} class to lock, expected at least 2; a lock needs a wrong answer to give"
            )
        if len(self.labels) != len(self.draws):
            raise ConfigError(f"got {len(self.draws)} draws for {len(self.labels)} samples, expected one each")

    @classmethod
    def none(cls, classes: tuple[str, ...], *, labels: Labels | None = None) -> Samples:
        """No samples: enough to learn which classes there will be; ``labels`` are empty, (0,) or (0, K)."""
        empty = np.zeros(0, dtype=np.int64) if labels is None else labels
        return cls(labels=empty, classes=classes, draws=np.zeros(0, dtype=np.uint64))


@dataclass(frozen=True, kw_only=True)
class Relabelling:
    """What a target decided.

    Attributes:
        labels: int64 (M,), the new label of each sample; or int64 (M, K with the extra classes).
        extra_classes: names of classes that come after the real ones.
        lock_class: number of the class that unauthorised inputs alone belong to; None where there is none.
        distribution: probability of each class, real and extra, or of each of several labels, that all samples learn
            instead of their labels. A file can hold only labels, so this is for training at home. None: the labels are
            what is learnt.
        tasks: int64 (M,), the number of an answer for each sample, whose classes share what the distribution leaves of
            probability 1. None: the distribution leaves nothing.
        answers: the classes of each answer.
    """

    labels: Labels
    extra_classes: tuple[str, ...] = ()
    lock_class: int | None = None
    distribution: tuple[float, ...] | None = None
    tasks: Labels | None = None
    answers: tuple[tuple[int, ...], ...] = ()


class Target(Protocol):
    """Gives unauthorised samples their labels; section 3.2 of the ModelLock paper, section 3 of M-LOCK."""

    def __call__(self, samples: Samples) -> Relabelling:
        """Relabel the samples; called without any to learn the classes before the work begins.

        Raises:
            ConfigError: an option does not fit the classes.
        """


F = TypeVar("F", bound=type[Target])
_TARGETS: NamedClasses[Target] = NamedClasses("lock target")
_TASK_OF: dict[str, str] = {}
_USUAL: Final = "classification"


def register_target(name: str, *, task: str = _USUAL) -> Callable[[F], F]:
    """Class decorator: make a dataclass known as lock target ``name``; its fields are the target's options.

    ``task`` is the one whose labels it exchanges.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """

    def register(kind: F) -> F:
        _TARGETS.add(name, kind)
        _TASK_OF[name] = task
        return kind

    return register


def list_targets(pattern: str = "*", *, task: str = _USUAL) -> list[str]:
    """Names of a task's lock targets that match a wildcard pattern."""
    return [name for name in _TARGETS.names(pattern) if _TASK_OF[name] == task]


def make_target(name: str, options: Mapping[str, object] | None = None, *, task: str = _USUAL) -> Target:
    """Return the lock target called ``name`` with ``options``; what is left out has the target's default.

    Raises:
        ConfigError: the task has no such target (near matches, or all that it has, are listed), the target does not
            know an option, or an option's value cannot be.
    """
    known = list_targets(task=task)
    if name not in _TARGETS:
        raise no_such(_TARGETS.kind, name, known)
    if name not in known:
        raise ConfigError(f"the lock target {name!r} does not exist for the task {task}, expected {' or '.join(known)}")
    return _TARGETS.from_settings(name, options, among=known)
