"""Regularisers by name: terms beside the objective that look at features, and only of unauthorised images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from spellock.named_classes import NamedClasses


@dataclass(frozen=True, kw_only=True)
class Unauthorised:
    """The unauthorised images of a step, U of them; all tensors lie on one device.

    Attributes:
        features: by stage float32 (U, D), the model's, the last stage being what its classifier sees.
        logits: float32 (U, K), of the real classes only.
        truth: float32 (U, K), 1 where an image truly is of a class, whatever it shall learn.
        alone: bool (U,), images that BatchNorm normalised among themselves.
        anchored: bool (U,), raw images whose features the start weights gave; none unless a regulariser asks.
        start: by stage float32 (A, D), those features, without gradient; empty where there are none.
        step: of the run, from 0.
        progress: the part of the run that is done, in [0, 1).
        seed: of this step's draws.
    """

    features: tuple[Tensor, ...]
    logits: Tensor
    truth: Tensor
    alone: Tensor
    anchored: Tensor
    start: tuple[Tensor, ...]
    step: int
    progress: float
    seed: int


class Regulariser(Protocol):
    """A term beside the objective."""

    @property
    def asks_start(self) -> bool:
        """Whether it needs the features of the start weights."""
        ...

    def loss(self, seen: Unauthorised) -> Tensor:
        """A scalar, 0 or more; 0 where there are too few images to say anything."""
        ...


F = TypeVar("F", bound=type[Regulariser])
_REGULARISERS: NamedClasses[Regulariser] = NamedClasses("regulariser")


def register_regulariser(name: str) -> Callable[[F], F]:
    """Class decorator: make a dataclass known as regulariser ``name``; its fields are the regulariser's options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass.
    """
    return _REGULARISERS.register(name)


def list_regularisers(pattern: str = "*") -> list[str]:
    """Names of regularisers that match a wildcard pattern."""
    return _REGULARISERS.names(pattern)


def make_regulariser(name: str, options: Mapping[str, object] | None = None) -> Regulariser:
    """Return the regulariser called ``name`` with ``options``; what is left out has the regulariser's default.

    Raises:
        ConfigError: there is no such regulariser (near matches are listed), it does not know an option, or an option's
            value cannot be.
    """
    return _REGULARISERS.from_settings(name, options)


def regulariser_options(name: str) -> list[str]:
    """Names of a regulariser's options.

    Raises:
        ConfigError: there is no such regulariser.
    """
    return _REGULARISERS.options(name)


def whose_option(option: str) -> str:
    """Which regularisers know an option, in words."""
    return _REGULARISERS.whose(option)
