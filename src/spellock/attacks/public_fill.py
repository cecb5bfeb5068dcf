"""Public fill: find where a weight key was taken out, and put the public pretrained weights there.

The attack on weight locks (AdaLoc, CoreLocker): a keyed model is useless because a part of its weights is missing, and
most models come from public ones. Where updates stayed in the key, this gives the public model back and no more; where
everything was fine-tuned, what lies outside the key is the owner's work.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal, cast

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of, positive
from spellock.attacks.filled import THEN, use
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_fills import filled_from_public, guessed_places
from spellock.attacks.weight_places import MARKS, Mark, by_difference, by_magnitude
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.weightlocks.states import ModuleState


@register_attack("public-fill")
@dataclass(frozen=True, kw_only=True)
class PublicFill(Attack):
    """Rank the units of every layer by suspicion, fill the first of them from the public model, then read or fine-tune.

    Attributes:
        mark: what gives the key away: the ``difference`` to the public model, or norms that are ``high``, ``low``,
            ``outlier`` or ``typical`` for their layer; see `spellock.attacks.weight_places`.
        share: of each tensor's units that is filled.
        granularity: filters and rows (``unit``), or single weights (``scalar``).
        then: ``read`` the outputs, or ``finetune`` on labelled images as the attack of that name does.
        steps: of fine-tuning.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {
            "": MappingProxyType({}),
            "low": MappingProxyType({"mark": "low"}),
            "typical": MappingProxyType({"mark": "typical"}),
            "single weights": MappingProxyType({"granularity": "scalar"}),
            "then labels": MappingProxyType({"then": "finetune"}),
        }
    )
    mark: str = "difference"
    share: float = 0.1
    granularity: str = "unit"
    then: str = "read"
    steps: int = 300

    def __post_init__(self) -> None:
        one_of("mark", self.mark, ("difference", *MARKS))
        one_of("granularity", self.granularity, ("unit", "scalar"))
        one_of("then", self.then, THEN)
        positive(share=self.share, steps=self.steps)
        if self.share > 1:
            raise ConfigError(f"option share is {self.share}, expected at most 1")

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        extra = {Asset.LABELS} if self.then == "finetune" else {Asset.QUERIES}
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.PUBLIC} | extra)

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ConfigError` where no weights of both models have one shape."""
        check_needs(view, self.needs)
        assert view.public is not None  # check_needs has seen it
        mine, public = ModuleState(view.stolen.network), ModuleState(view.public.network)
        granularity = cast(Literal["unit", "scalar"], self.granularity)
        if self.mark == "difference":
            scores = by_difference(mine, public, granularity=granularity)
        else:
            scores = by_magnitude(mine, cast(Mark, self.mark), granularity=granularity)
        places = guessed_places(mine, scores, self.share)
        if not any(public.infos.get(name) == mine.infos[name] for name in places):
            raise ConfigError("no weights of the public model have the shape of the stolen ones; give its own ancestor")
        network = filled_from_public(view.stolen.network, public, places)
        units = sum(len(place.indices) for place in places.values())
        return use(network, view, work, then=self.then, steps=self.steps, found={"filled units": units})
