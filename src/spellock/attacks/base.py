"""What an attack is, and what it gives back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from torch import Tensor

from spellock.attacks.levels import Asset
from spellock.attacks.view import AttackerView
from spellock.hidden import Scalar
from spellock.key import Key

Predict = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Stolen:
    """What a thief can use: a predictor of the real classes.

    Attributes:
        predict: raw float32 images (N, 3, H, W) in [0, 1] to scores (N, classes); the largest is the answer.
        name: tells the candidates of one attack apart; gives away nothing of a guessed key.
        found: what the attack chose on the way, for the table.
        guess: the guessed key that the predictor edits with.
        shown: what the model is asked in the place of raw images (N, 3, H, W); None where it is asked the raw ones.
    """

    predict: Predict
    name: str = ""
    found: Mapping[str, Scalar] = field(default_factory=dict)
    guess: Key | None = field(default=None, repr=False)
    shown: Predict | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """One attack; its fields are its options. It computes no accuracy on images that it is judged by: it has none."""

    #: Named sets of options that `spellock attack all` tries, the defaults under the empty name.
    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = {"": {}}

    @property
    def counts_answers(self) -> bool:
        """Whether the budget's queries bound it also where the thief has the weights."""
        return False

    @property
    @abstractmethod
    def needs(self) -> frozenset[Asset]:
        """What the thief must hold."""

    @abstractmethod
    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """Attack.

        Args:
            view: what the thief holds; its model may be changed.
            work: folder for checkpoints. The same call goes on there after an interruption; None keeps nothing.

        Returns:
            At least one predictor; of several, the one that the thief trusts most comes first.

        Raises:
            ConfigError: the view lacks what the attack needs, or the model has nothing that the attack works on.
        """
