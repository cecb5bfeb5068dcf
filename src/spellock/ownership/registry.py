"""Methods of verification by name: each file of this room registers its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from spellock.hidden import Scalar
from spellock.named_classes import NamedClasses
from spellock.ownership.base import Verification

A = TypeVar("A", bound=type[Verification])
_METHODS: NamedClasses[Verification] = NamedClasses("method", room="spellock.ownership")


def register_method(name: str) -> Callable[[A], A]:
    """Class decorator: make a method known as ``name``; its dataclass fields are its options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """
    return _METHODS.register(name)


def list_methods(pattern: str = "*") -> list[str]:
    """Names of the registered methods that match the shell-style ``pattern``, sorted."""
    return _METHODS.names(pattern)


def method_class(name: str) -> type[Verification]:
    """The dataclass of a method.

    Raises:
        ConfigError: there is no such method (near matches are listed).
    """
    return _METHODS[name]


def make_method(name: str, options: Mapping[str, Scalar] | None = None) -> Verification:
    """The method called ``name`` with ``options``; what is left out has the method's default.

    Raises:
        ConfigError: there is no such method, it does not know an option, or an option's value cannot be.
    """
    return _METHODS.make(name, options)
