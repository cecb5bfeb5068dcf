"""Things of one kind by name: attacks, fills, editors. An unknown name is answered with those that are near."""

from __future__ import annotations

import difflib
import fnmatch
import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar, cast

from spellock.errors import ConfigError

T = TypeVar("T")
F = TypeVar("F")


def near_names(name: str, known: Iterable[str], *, most: int = 3, cutoff: float = 0.4) -> list[str]:
    """At most ``most`` of ``known`` that look like ``name``, the nearest first.

    Args:
        cutoff: likeness that is asked of them, from 0 (anything) to 1 (the name itself).
    """
    return difflib.get_close_matches(name, list(known), n=most, cutoff=cutoff)


def no_such(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error for a ``name`` that is not among ``known``: it lists the near ones, or all where none is near."""
    known = sorted(known)
    return ConfigError(f"there is no {kind} {name!r}; did you mean {' or '.join(near_names(name, known) or known)}?")


class Named(Generic[T]):
    """Things of one kind by name.

    Args:
        kind: what messages call one of them, as "attack".
        room: package whose files register them, each thing in the file of its name. Only that file is imported for a
            name, all files where it has not the name or where all names are wanted. None: the package that holds the
            things imports them itself.

    Attributes:
        kind: as given.
        things: all that is registered up to now.
    """

    def __init__(self, kind: str, *, room: str | None = None) -> None:
        self.kind = kind
        self.things: dict[str, T] = {}
        self._unread = room

    def add(self, name: str, thing: T) -> None:
        """Make ``thing`` known as ``name``.

        Raises:
            ConfigError: the name is taken.
        """
        if name in self.things:
            article = "an" if self.kind[0] in "aeiou" else "a"
            raise ConfigError(f"{article} {self.kind} named {name!r} is registered already; choose another name")
        self.things[name] = thing

    def register(self, name: str) -> Callable[[F], F]:
        """Decorator: `add` what stands below it. A registry's own decorator says of which type that may be."""

        def register(thing: F) -> F:
            self.add(name, cast(T, thing))
            return thing

        return register

    def names(self, pattern: str = "*") -> list[str]:
        """Names that match the shell-style ``pattern``, sorted."""
        self._read_room()
        return sorted(fnmatch.filter(self.things, pattern))

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        if isinstance(name, str) and name not in self.things:
            self._read_file(name)
        if name not in self.things:
            self._read_room()
        return name in self.things

    def __getitem__(self, name: str) -> T:
        """The thing called ``name``.

        Raises:
            ConfigError: there is none; near matches are listed.
        """
        if name not in self:
            raise no_such(self.kind, name, self.things)
        return self.things[name]

    def _read_file(self, name: str) -> None:
        """Import the file called ``name``, if there is one: its neighbours may be slow to import."""
        file = name.replace("-", "_")
        if self._unread is not None and file.isidentifier() and importlib.util.find_spec(f"{self._unread}.{file}"):
            importlib.import_module(f"{self._unread}.{file}")

    def _read_room(self) -> None:
        if self._unread is None:
            return
        for module in pkgutil.iter_modules(importlib.import_module(self._unread).__path__):
            importlib.import_module(f"{self._unread}.{module.name}")
        # Only now: a file that could not be imported is tried again at the next look-up.
        self._unread = None
