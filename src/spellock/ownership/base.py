"""What a method of verification is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from spellock.errors import ConfigError
from spellock.ownership.case import Case, Evidence
from spellock.ownership.suspect import Suspect
from spellock.ownership.verdict import Verdict


@dataclass(frozen=True, kw_only=True)
class Verification(ABC):
    """One method; its fields are its options. It trains no model; small fits to features are named in its page."""

    @property
    @abstractmethod
    def needs(self) -> frozenset[Evidence]:
        """What the case must hold beside images."""

    @property
    def uses(self) -> frozenset[Evidence]:
        """What it takes notice of where the case has it, its needs included."""
        return self.needs

    @abstractmethod
    def __call__(self, suspect: Suspect, case: Case) -> Verdict:
        """Ask the suspect.

        Raises:
            ConfigError: the case lacks what the method needs, or too many queries are wanted.
            DataError, ModelError, EditorError: images, answers or key do not fit; the message says what.
        """


def check_numbers(*, at_least: int = 1, **values: int) -> None:
    """Raise `ConfigError` unless every option is a number of ``at_least``."""
    for name, value in values.items():
        if value < at_least:
            raise ConfigError(f"option {name} is {value}, expected {at_least} or more")


def check_alpha(alpha: float) -> None:
    """Raise `ConfigError` unless ``alpha`` lies between 0 and 1."""
    if not 0 < alpha < 1:
        raise ConfigError(f"option alpha is {alpha}, expected a probability between 0 and 1")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `ConfigError` unless the option ``name`` has one of ``choices``."""
    if value not in choices:
        raise ConfigError(f"option {name} is {value!r}, expected one of {', '.join(choices)}")
