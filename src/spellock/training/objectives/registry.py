"""Objectives by name: losses of locked fine-tuning that need a teacher's answer to the raw version of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar

from torch import Tensor

from spellock.named_classes import NamedClasses
from spellock.training.preparation import Task

#: Which images of a batch an objective wants the teacher's answer for.
Asks: TypeAlias = Literal["authorised", "all"]


@dataclass(frozen=True, kw_only=True)
class GuidedBatch:
    """What an objective sees of a step; all tensors lie on one device.

    Attributes:
        logits: float32 (B, K), the student's answers to the images as they are.
        targets: labels, int64 (B,), or probabilities, float (B, K).
        authorised: bool (B,), images that the student shall work on.
        rows: int64 (G,), the images with a teacher's answer, rising; there may be none.
        teacher: float32 (G, R), the teacher's logits on the raw versions of those images, without gradient.
        columns: int64 (R,), where the teacher's classes are among the student's K; the others, as the lock class, are
            unknown to it.
    """

    logits: Tensor
    targets: Tensor
    authorised: Tensor
    rows: Tensor
    teacher: Tensor
    columns: Tensor


class Objective(Protocol):
    """A loss that takes the place of the task's own."""

    @property
    def asks(self) -> Asks:
        """Which images the teacher shall answer."""
        ...

    def check(self, task: Task) -> None:
        """Refuse a task that the objective cannot be had with.

        Raises:
            ConfigError: it is none for the objective.
        """
        ...

    def loss(self, batch: GuidedBatch, task: Task) -> Tensor:
        """Mean loss of a batch, a scalar."""
        ...


F = TypeVar("F", bound=type[Objective])
_OBJECTIVES: NamedClasses[Objective] = NamedClasses("objective")


def register_objective(name: str) -> Callable[[F], F]:
    """Class decorator: make a dataclass known as objective ``name``; its fields are the objective's options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass of its own.
    """
    return _OBJECTIVES.register(name)


def list_objectives(pattern: str = "*") -> list[str]:
    """Names of objectives that match a wildcard pattern."""
    return _OBJECTIVES.names(pattern)


def make_objective(name: str, options: Mapping[str, object] | None = None) -> Objective:
    """Return the objective called ``name`` with ``options``; what is left out has the objective's default.

    Raises:
        ConfigError: there is no such objective (near matches are listed), it does not know an option, or an option's
            value cannot be.
    """
    return _OBJECTIVES.from_settings(name, options)


def whose_option(option: str) -> str:
    """Which objectives know an option, in words."""
    return _OBJECTIVES.whose(option)
