"""How the gradients of the task and of the lock become one step: added up, or the lock's first taken off the task's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar

from accelerate import Accelerator
from torch import Tensor, nn

from spellock.named_classes import NamedClasses


@dataclass(frozen=True, kw_only=True)
class Parts:
    """A step's loss in two parts.

    Attributes:
        task: of the authorised images; None where the batch has none.
        lock: of the others, regularisers included; None where the batch has none.
        share: of the batch that is authorised.
    """

    task: Tensor | None
    lock: Tensor | None
    share: float


class StepLoss(Protocol):
    """A loss that can be had whole or in two parts."""

    def whole(self) -> Tensor:
        """A scalar."""
        ...

    def parts(self) -> Parts:
        """Two parts whose sum it is."""
        ...


class Combiner(Protocol):
    """A combination at work on one network."""

    def backward(self, loss: StepLoss, accelerator: Accelerator) -> Tensor:
        """Fill the parameters' gradients; gives the loss's value."""
        ...

    def row(self) -> dict[str, float]:
        """What the epoch's row of the log gets; ends the epoch."""
        ...

    def resume(self, row: Mapping[str, float]) -> None:
        """Go on after the epoch with this row."""
        ...


class Combination(Protocol):
    """A frozen dataclass; its fields are its options."""

    @property
    def splits(self) -> bool:
        """Whether it needs the loss in two parts."""
        ...

    def open(self, network: nn.Module) -> Combiner:
        """For the parameters of one network."""
        ...


F = TypeVar("F", bound=type[Combination])
_COMBINATIONS: NamedClasses[Combination] = NamedClasses("combination")


def register_combination(name: str) -> Callable[[F], F]:
    """Class decorator: make a dataclass known as combination ``name``; its fields are its options.

    Raises:
        ConfigError: the name is taken, or the class is no dataclass.
    """
    return _COMBINATIONS.register(name)


def list_combinations(pattern: str = "*") -> list[str]:
    """Names of combinations that match a wildcard pattern."""
    return _COMBINATIONS.names(pattern)


def make_combination(name: str, options: Mapping[str, object] | None = None) -> Combination:
    """Return the combination called ``name`` with ``options``.

    Raises:
        ConfigError: there is none (near matches are listed), it does not know an option, or a value cannot be.
    """
    return _COMBINATIONS.from_settings(name, options)


@register_combination("sum")
@dataclass(frozen=True, kw_only=True)
class Sum:
    """The gradient of the sum, as Eq. 2 of ModelLock has it."""

    splits: ClassVar[bool] = False

    def open(self, network: nn.Module) -> Sum:
        """Itself: it remembers nothing."""
        return self

    def backward(self, loss: StepLoss, accelerator: Accelerator) -> Tensor:
        """See `Combiner`."""
        whole = loss.whole()
        accelerator.backward(whole)
        return whole.detach()

    def row(self) -> dict[str, float]:
        """Nothing."""
        return {}

    def resume(self, row: Mapping[str, float]) -> None:
        """Nothing to take up."""
