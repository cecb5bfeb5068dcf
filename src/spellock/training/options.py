"""Parts of training by name, each a dataclass whose fields are its options: what all registries of this room share."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from spellock.errors import ConfigError

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Named(Generic[T]):
    """Dataclasses by name.

    Args:
        kind: what they are, in one word with its article, for example "an objective".
    """

    def __init__(self, kind: str) -> None:
        self._a_kind, self._kind = kind, kind.split(" ", 1)[1]
        self._known: dict[str, Callable[..., Any]] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Class decorator: make a dataclass known as ``name``.

        Raises:
            ConfigError: the name is taken, or the class is no dataclass.
        """

        def register(made: F) -> F:
            if name in self._known:
                raise ConfigError(f"{self._a_kind} named {name!r} is registered already; choose another name")
            if not dataclasses.is_dataclass(made):
                raise ConfigError(f"the class of {self._kind} {name!r} is not a dataclass; declare it as one")
            self._known[name] = made
            return made

        return register

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match a wildcard pattern."""
        return sorted(fnmatch.filter(self._known, pattern))

    def make(self, name: str, options: Mapping[str, object] | None = None) -> T:
        """The one called ``name`` with ``options``; what is left out has its default.

        Raises:
            ConfigError: there is none (near matches are listed), it does not know an option, or an option's value
                cannot be.
        """
        for option in sorted(set(options or {}) - self.options(name)):
            raise ConfigError(
                f"the {self._kind} {name!r} has no option {option!r} ({self.whose(option)}); leave it out"
            )
        made: T = self._known[name](**(options or {}))
        return made

    def options(self, name: str) -> set[str]:
        """Names of the options of the one called ``name``.

        Raises:
            ConfigError: there is none; near matches are listed.
        """
        if name not in self._known:
            near = difflib.get_close_matches(name, self._known, cutoff=0.4) or self.names()
            raise ConfigError(f"there is no {self._kind} {name!r}; did you mean {' or '.join(near)}?")
        return {field.name for field in dataclasses.fields(self._known[name])}  # type: ignore[arg-type]  # see register

    def whose(self, option: str) -> str:
        """Which of them know an option, in words."""
        knowing = [name for name in self.names() if option in self.options(name)]
        return f"it belongs to {' and '.join(knowing)}" if knowing else f"no {self._kind} has it"
