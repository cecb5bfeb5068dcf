"""Scores by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from spellock.keystream import HasSecret
from spellock.named import Named
from spellock.weightlocks.kinds import Kind


@dataclass(frozen=True, kw_only=True)
class Units:
    """Units of one tensor, or some of them.

    Attributes:
        name: the tensor's.
        kind: the tensor's.
        values: float32 (U, S): S scalars a unit.
        start: number of the first of them in the tensor.
        key: what a score that needs chance draws from.
    """

    name: str
    kind: Kind
    values: Tensor
    start: int
    key: HasSecret


class Score(Protocol):
    """Gives each unit a number; those with the highest make the key. It is called from two threads at once."""

    def __call__(self, units: Units) -> Tensor | None:
        """float32 (U,), or None where such units never go into a key."""
        ...


F = TypeVar("F", bound=Score)
_SCORES: Named[Score] = Named("score")


def register_score(name: str) -> Callable[[F], F]:
    """Decorator: make a score known as ``name``.

    Raises:
        ConfigError: the name is taken.
    """
    return _SCORES.register(name)


def list_scores(pattern: str = "*") -> list[str]:
    """Names of the scores that match the shell-style ``pattern``, sorted."""
    return _SCORES.names(pattern)


def make_score(name: str) -> Score:
    """The score called ``name``.

    Raises:
        ConfigError: there is none; near matches are listed.
    """
    return _SCORES[name]
