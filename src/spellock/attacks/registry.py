"""Attacks by name: each file of this room registers its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from spellock.attacks.base import Attack
from spellock.hidden import Scalar
from spellock.named_classes import NamedClasses

A = TypeVar("A", bound=type[Attack])
_ATTACKS: NamedClasses[Attack] = NamedClasses("attack", room="spellock.attacks")


def register_attack(name: str) -> Callable[[A], A]:
    """Class decorator: make an attack known as ``name``; its dataclass fields are its options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """
    return _ATTACKS.register(name)


def list_attacks(pattern: str = "*") -> list[str]:
    """Names of the registered attacks that match the shell-style ``pattern``, sorted."""
    return _ATTACKS.names(pattern)


def attack_class(name: str) -> type[Attack]:
    """The dataclass of an attack.

    Raises:
        ConfigError: there is no such attack (near matches are listed).
    """
    return _ATTACKS[name]


def make_attack(name: str, options: Mapping[str, Scalar] | None = None) -> Attack:
    """The attack called ``name`` with ``options``; what is left out has the attack's default.

    Raises:
        ConfigError: there is no such attack, it does not know an option, or an option's value cannot be.
    """
    return _ATTACKS.make(name, options)
