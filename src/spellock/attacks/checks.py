"""Checks of options and views that several attacks make."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from spellock.attacks.levels import Asset
from spellock.attacks.view import AttackerView
from spellock.errors import ConfigError

T = TypeVar("T")


def one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise `ConfigError` unless the option ``name`` has one of ``choices``."""
    known = list(choices)
    if value not in known:
        raise ConfigError(f"option {name} is {value!r}, expected one of {', '.join(known)}")


def positive(**values: float) -> None:
    """Raise `ConfigError` unless every option is above 0."""
    for name, value in values.items():
        if not value > 0:
            raise ConfigError(f"option {name} is {value!r}, expected a number above 0")


def not_negative(**values: float) -> None:
    """Raise `ConfigError` unless every option is 0 or above."""
    for name, value in values.items():
        if not value >= 0:
            raise ConfigError(f"option {name} is {value!r}, expected 0 or a number above it")


def check_needs(view: AttackerView, needs: frozenset[Asset]) -> None:
    """Raise `ConfigError` where the thief lacks something."""
    if missing := sorted(needs - view.assets):
        raise ConfigError(f"this attack needs {' and '.join(missing)}, the thief here has none; choose another level")


def held(thing: T | None) -> T:
    """What `check_needs` has shown to be there: images, labels, the public editor."""
    assert thing is not None
    return thing
