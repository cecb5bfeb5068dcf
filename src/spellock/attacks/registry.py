"""Attacks by name: each file of this room registers its own."""

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

from spellock.attacks.base import Attack
from spellock.errors import ConfigError
from spellock.hidden import Scalar

A = TypeVar("A", bound=type[Attack])
_ATTACKS: dict[str, type[Attack]] = {}


def register_attack(name: str) -> Callable[[A], A]:
    """Class decorator: make an attack known as ``name``; its dataclass fields are its options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """

    def register(kind: A) -> A:
        if name in _ATTACKS:
            raise ConfigError(f"an attack named {name!r} is registered already; choose another name")
        if "__dataclass_fields__" not in vars(kind):
            raise ConfigError(f"the class of attack {name!r} is not a dataclass; declare it as one")
        _ATTACKS[name] = kind
        return kind

    return register


def list_attacks(pattern: str = "*") -> list[str]:
    """Names of the registered attacks that match the shell-style ``pattern``, sorted."""
    _discover()
    return sorted(fnmatch.filter(_ATTACKS, pattern))


def attack_class(name: str) -> type[Attack]:
    """The dataclass of an attack.

    Raises:
        ConfigError: there is no such attack (near matches are listed).
    """
    _discover()
    if name not in _ATTACKS:
        near = difflib.get_close_matches(name, _ATTACKS, n=3, cutoff=0.4) or list_attacks()
        raise ConfigError(f"there is no attack {name!r}; did you mean {' or '.join(near)}?")
    return _ATTACKS[name]


def make_attack(name: str, options: Mapping[str, Scalar] | None = None) -> Attack:
    """The attack called ``name`` with ``options``; what is left out has the attack's default.

    Raises:
        ConfigError: there is no such attack, it does not know an option, or an option's value cannot be.
    """
    kind, options = attack_class(name), dict(options or {})
    hints = typing.get_type_hints(kind)
    known = [field.name for field in dataclasses.fields(kind)]
    for option, value in options.items():
        if option not in known:
            raise ConfigError(f"attack {name!r} has no option {option!r}; it has {', '.join(known) or 'none'}")
        allowed = (int, float) if hints[option] is float else hints[option]
        if not isinstance(value, allowed) or (isinstance(value, bool) and hints[option] is not bool):
            raise ConfigError(
                f"option {option} of attack {name!r} is a {type(value).__name__}, expected {hints[option].__name__}"
            )
    return kind(**options)


@cache
def _discover() -> None:
    """Import every file of this room once, so that what it registers is known."""
    package = importlib.import_module("spellock.attacks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"spellock.attacks.{module.name}")
