"""Dataclasses of one kind by name; their fields are options, which are checked before an instance is made."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.named import Named

T = TypeVar("T")


class NamedClasses(Named[type[T]]):
    """Dataclasses of one kind by name, as attacks: each is registered by its own file."""

    def add(self, name: str, thing: type[T]) -> None:
        """Make the dataclass ``thing`` known as ``name``.

        Raises:
            ConfigError: the name is taken, or the class itself is not declared a dataclass: what it adds to the fields
                that it inherits would be no options.
        """
        # Before the check: a taken name is told first, whatever wants it.
        if name not in self.things and "__dataclass_fields__" not in vars(thing):
            raise ConfigError(f"the class of {self.kind} {name!r} is not a dataclass; declare it as one")
        super().add(name, thing)

    def options(self, name: str) -> list[str]:
        """The options of the class called ``name``, in the order of its fields.

        Raises:
            ConfigError: there is none of that name.
        """
        kind: Any = self[name]
        return [field.name for field in dataclasses.fields(kind)]

    def whose(self, option: str, *, among: Iterable[str] | None = None) -> str:
        """Which of the classes, or of those ``among`` them, have an option; in words."""
        knowing = [name for name in (self if among is None else among) if option in self.options(name)]
        return f"it belongs to {' and '.join(knowing)}" if knowing else f"no {self.kind.split()[-1]} has it"

    def unknown(self, name: str, options: Iterable[str]) -> list[str]:
        """Those of ``options`` that the class called ``name`` does not have, sorted."""
        return sorted(set(options) - set(self.options(name)))

    def from_settings(
        self, name: str, options: Mapping[str, object] | None = None, *, among: Iterable[str] | None = None
    ) -> T:
        """Like `make`, of options out of settings that hold those of several classes, with types checked already.

        Args:
            among: names of the classes that the settings are for; all by default.

        Raises:
            ConfigError: there is no such class, it does not know an option (the message says whose it is), or an
                option's value cannot be.
        """
        kind: Callable[..., T] = self[name]
        for option in self.unknown(name, options or ()):
            whose = self.whose(option, among=among)
            raise ConfigError(f"the {self.kind} {name!r} has no option {option!r} ({whose}); leave it out")
        return kind(**(options or {}))

    def make(self, name: str, options: Mapping[str, Scalar] | None = None) -> T:
        """An instance of the class called ``name`` with ``options``; what is left out has its default.

        Whole numbers pass where fractions are meant; no other type passes for another.

        Raises:
            ConfigError: there is no such class, it does not know an option, or an option's value cannot be.
        """
        kind, known = self[name], self.options(name)
        hints = typing.get_type_hints(kind)
        for option, value in (options or {}).items():
            if option not in known:
                raise ConfigError(f"{self.kind} {name!r} has no option {option!r}; it has {', '.join(known) or 'none'}")
            hint = hints[option]
            allowed = (int, float) if hint is float else hint
            if not isinstance(value, allowed) or (isinstance(value, bool) and hint is not bool):
                raise ConfigError(
                    f"option {option} of {self.kind} {name!r} is a {type(value).__name__}, expected {hint.__name__}"
                )
        return kind(**(options or {}))
