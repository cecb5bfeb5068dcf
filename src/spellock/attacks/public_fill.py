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
from typing import ClassVar, cast, get_args

from spellock.attacks.base import Stolen
from spellock.attacks.checks import check_needs, one_of
from spellock.attacks.filled import Filling
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_fills import filled_from_public, guessed_places
from spellock.attacks.weight_places import Granularity
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.weightlocks.states import ModuleState


@register_attack("public-fill")
@dataclass(frozen=True, kw_only=True)
class PublicFill(Filling):
    """Rank the units of every layer by suspicion, fill the first of them from the public model, then read or fine-tune.

    Attributes:
        granularity: filters and rows (``unit``), runs of up to 16 weights of one (``block``), or single weights
            (``scalar``).
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {
            "": MappingProxyType({}),
            "low": MappingProxyType({"mark": "low"}),
            "typical": MappingProxyType({"mark": "typical"}),
            "blocks": MappingProxyType({"granularity": "block"}),
            "single weights": MappingProxyType({"granularity": "scalar"}),
            "then labels": MappingProxyType({"then": "finetune"}),
        }
    )
    granularity: str = "unit"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("granularity", self.granularity, get_args(Granularity))

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return super().needs | {Asset.PUBLIC}

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ConfigError` where no weights of both models have one shape."""
        check_needs(view, self.needs)
        assert view.public is not None  # check_needs has seen it
        mine, public = ModuleState(view.stolen.network), ModuleState(view.public.network)
        places = guessed_places(mine, self.suspicion(mine, public, cast(Granularity, self.granularity)), self.share)
        if not any(public.infos.get(name) == mine.infos[name] for name in places):
            raise ConfigError("no weights of the public model have the shape of the stolen ones; give its own ancestor")
        network = filled_from_public(view.stolen.network, public, places)
        units = sum(len(place.indices) for place in places.values())
        return self.use(network, view, work, found={"filled units": units})
