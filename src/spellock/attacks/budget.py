"""How much a thief spends: answers, training steps, seconds, key candidates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from spellock.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Limits of one attack; None is no limit. An attack that reaches one returns what it has.

    Attributes:
        queries: images that a model which is not stolen answers during the attack.
        steps: steps of each training run of an attack.
        seconds: of wall time, of the attack as a whole; results then depend on the machine. What an interrupted attack
            spent is not counted when it goes on.
        candidates: keys tried.

    Raises:
        ConfigError: a limit is not positive.
    """

    queries: int | None = None
    steps: int | None = None
    seconds: float | None = None
    candidates: int | None = None

    def __post_init__(self) -> None:
        for name in ("queries", "steps", "seconds", "candidates"):
            limit = getattr(self, name)
            if limit is not None and limit <= 0:
                raise ConfigError(f"the budget has {limit} {name}, expected a positive number, or none for no limit")

    def at_most(self, name: str, wanted: int) -> int:
        """``wanted``, or the limit called ``name`` where that is lower."""
        limit = getattr(self, name)
        return wanted if limit is None else min(wanted, int(limit))

    def clock(self) -> Clock:
        """A clock that starts now. An attack has one, that of its view."""
        return Clock(self.seconds)


class Clock:
    """Tells whether the seconds of a budget are over."""

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether the time is up."""
        return self._end is not None and time.monotonic() >= self._end

    def part(self, runs: int) -> Clock:
        """A clock that starts now, for one of ``runs`` runs that are still to come: an equal share of what is left.

        Without it the first of several runs would take all the time, and what comes of the last is what is stolen.
        """
        return Clock(None if self._end is None else max(0.0, self._end - time.monotonic()) / runs)


class Query:
    """A model behind a counter: float32 images (N, 3, H, W) in, outputs (N, K) out, nothing else.

    Args:
        answer: the model.
        limit: images answered until `release`.

    Raises:
        ConfigError: (when called) the limit is passed.
    """

    def __init__(self, answer: Callable[[Tensor], Tensor], *, limit: int | None = None) -> None:
        self._answer, self._limit = answer, limit
        self.spent = 0

    def __call__(self, images: Tensor) -> Tensor:
        if self._limit is not None and self.spent + len(images) > self._limit:
            raise ConfigError(
                f"the attack asked for {self.spent + len(images)} answers, its budget has {self._limit}; raise queries"
            )
        self.spent += len(images)
        return self._answer(images)

    @property
    def left(self) -> int | None:
        """Answers left, None without a limit."""
        return None if self._limit is None else self._limit - self.spent

    def part(self, runs: int) -> Query:
        """A counter of its own before this one, for one of ``runs`` runs that are still to come: an equal share of what
        is left. Its answers count here too."""
        return Query(self, limit=None if self.left is None else self.left // runs)

    def release(self) -> None:
        """Lift the limit: what was stolen is used, the attack is over."""
        self._limit = None
