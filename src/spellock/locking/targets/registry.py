"""Lock targets by name."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from spellock.data.image_set import Labels
from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Relabelling:
    """What a target decided.

    Attributes:
        labels: int64, the new label of each unauthorised sample.
        extra_classes: names of classes that come after the real ones.
    """

    labels: Labels
    extra_classes: tuple[str, ...]


class Target(Protocol):
    """Gives unauthorised samples (raw images, raw twins, decoys) their labels; section 3.2 of the paper."""

    def __call__(self, labels: Labels, classes: Sequence[str], *, lock_class_name: str) -> Relabelling:
        """Relabel samples whose true labels are ``labels`` (int64, each in [0, len(classes)))."""


_TARGETS: dict[str, Target] = {}


def register_target(name: str) -> Callable[[Target], Target]:
    """Register a lock target under ``name``."""

    def register(target: Target) -> Target:
        _TARGETS[name] = target
        return target

    return register


def list_targets(pattern: str = "*") -> list[str]:
    """Names of lock targets that match a wildcard pattern."""
    return sorted(fnmatch.filter(_TARGETS, pattern))


def get_target(name: str) -> Target:
    """Return the lock target called ``name``.

    Raises:
        ConfigError: there is none; near matches are listed.
    """
    if name not in _TARGETS:
        near = difflib.get_close_matches(name, _TARGETS, cutoff=0.4) or list_targets()
        raise ConfigError(f"there is no lock target {name!r}; did you mean {' or '.join(near)}?")
    return _TARGETS[name]
