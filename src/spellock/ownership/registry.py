"""Methods of verification by name: each file of this room registers its own."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import importlib
import pkgutil
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeVar

from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.ownership.base import Verification

A = TypeVar("A", bound=type[Verification])
_METHODS: dict[str, type[Verification]] = {}


def register_method(name: str) -> Callable[[A], A]:
    """Class decorator: make a method known as ``name``; its dataclass fields are its options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """

    def register(kind: A) -> A:
        if name in _METHODS:
            raise ConfigError(f"a method named {name!r} is registered already; choose another name")
        if "__dataclass_fields__" not in vars(kind):
            raise ConfigError(f"the class of method {name!r} is not a dataclass; declare it as one")
        _METHODS[name] = kind
        return kind

    return register


def list_methods(pattern: str = "*") -> list[str]:
    """Names of the registered methods that match the shell-style ``pattern``, sorted."""
    _discover()
    return sorted(fnmatch.filter(_METHODS, pattern))


def method_class(name: str) -> type[Verification]:
    """The dataclass of a method.

    Raises:
        ConfigError: there is no such method (near matches are listed).
    """
    _discover()
    if name not in _METHODS:
        near = difflib.get_close_matches(name, _METHODS, n=3, cutoff=0.4) or list_methods()
        raise ConfigError(f"there is no method {name!r}; did you mean {' or '.join(near)}?")
    return _METHODS[name]


def make_method(name: str, options: Mapping[str, Scalar] | None = None) -> Verification:
    """The method called ``name`` with ``options``; what is left out has the method's default.

    Raises:
        ConfigError: there is no such method, it does not know an option, or an option's value cannot be.
    """
    kind, options = method_class(name), dict(options or {})
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for option, value in options.items():
        if option not in known:
            raise ConfigError(f"method {name!r} has no option {option!r}; it has {', '.join(known) or 'none'}")
        allowed = (int, float) if hints[option] is float else hints[option]
        if not isinstance(value, allowed) or (isinstance(value, bool) and hints[option] is not bool):
            raise ConfigError(
                f"option {option} of method {name!r} is a {type(value).__name__}, expected {hints[option].__name__}"
            )
    return kind(**options)


@cache
def _discover() -> None:
    """Import every file of this room once, so that what it registers is known."""
    package = importlib.import_module("spellock.ownership")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"spellock.ownership.{module.name}")
