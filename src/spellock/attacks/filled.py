"""What thieves share who fill in a weight key: which places they suspect, and what they do with the network."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import one_of, positive
from spellock.attacks.finetune import Finetune
from spellock.attacks.levels import Asset
from spellock.attacks.suppressed import Suppressed
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_places import MARKS, Granularity, Mark, by_difference, by_magnitude
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.weightlocks.states import State

_THEN: Final = ("read", "finetune")


@dataclass(frozen=True, kw_only=True)
class Filling(Attack):
    """Base: fill suspected places of the stolen network, then read its outputs or train it on.

    Attributes:
        mark: what gives the key away: the ``difference`` to the public model, or norms that are ``high``, ``low``,
            ``outlier`` or ``typical`` for their layer; see `spellock.attacks.weight_places`.
        share: of the units of each matrix that is looked at, which is filled.
        then: ``read`` the outputs, or ``finetune`` on labelled images as the attack of that name does.
        steps: of fine-tuning.
    """

    mark: str = "difference"
    share: float = 0.1
    then: str = "read"
    steps: int = 300

    def __post_init__(self) -> None:
        one_of("mark", self.mark, ("difference", *MARKS))
        one_of("then", self.then, _THEN)
        positive(share=self.share, steps=self.steps)
        if self.share > 1:
            raise ConfigError(f"option share is {self.share}, expected at most 1")

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS if self.then == "finetune" else Asset.QUERIES})

    def suspicion(self, keyed: State, public: State, granularity: Granularity) -> dict[str, Tensor]:
        """A score a unit (U,), by tensor; higher is likelier in the key."""
        if self.mark == "difference":
            return by_difference(keyed, public, granularity=granularity)
        return by_magnitude(keyed, cast(Mark, self.mark), granularity=granularity)

    def use(
        self, network: nn.Module, view: AttackerView, work: Path | None, *, found: Mapping[str, Scalar]
    ) -> list[Stolen]:
        """Read or train ``network`` in the stolen model's place."""
        filled = copy.deepcopy(view.stolen)
        filled.network = network
        attack = Suppressed() if self.then == "read" else Finetune(steps=self.steps)
        return [
            dataclasses.replace(one, found={**one.found, **found})
            for one in attack(dataclasses.replace(view, model=filled.eval()), work)
        ]
