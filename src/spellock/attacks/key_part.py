"""A thief who holds a part of a weight key puts it in, and fills what is missing.

CoreLocker and AdaLoc let a part of a key open a part of the performance. Whoever has such a part also knows which
tensors the key lies in and whether it is made of rows, blocks or single weights, so the rest is easier to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, get_args

from torch import nn

from spellock.attacks.base import Stolen
from spellock.attacks.checks import check_needs, held, one_of
from spellock.attacks.filled import Filling
from spellock.attacks.leaked_part import LeakedPart
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_fills import filled_from_public, guessed_places
from spellock.attacks.weight_places import Granularity
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.weightlocks.places import Place, units_of, whole_place
from spellock.weightlocks.states import ModuleState, State


@register_attack("key-part")
@dataclass(frozen=True, kw_only=True)
class KeyPart(Filling):
    """Put the part in; take the rest as it stands or from the public model; then read the outputs or fine-tune.

    Attributes:
        rest: ``keep`` what stands outside the part, or fill the suspected places from the ``public`` model. Tensors
            that the part has nothing of are left alone, and vectors that it has something of are filled as a whole.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {
            "": MappingProxyType({}),
            "rest public": MappingProxyType({"rest": "public"}),
            "then labels": MappingProxyType({"then": "finetune"}),
            "rest public, then labels": MappingProxyType({"rest": "public", "then": "finetune"}),
        }
    )
    rest: str = "keep"

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("rest", self.rest, ("keep", "public"))

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return super().needs | {Asset.KEY_PART} | ({Asset.PUBLIC} if self.rest == "public" else set())

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ConfigError` where the part fits nothing of the model."""
        check_needs(view, self.needs)
        part, network = held(view.key_part), view.stolen.network
        infos = ModuleState(network).infos
        mine = [name for name, place in part.places.items() if infos.get(name) == place.info]
        if not mine:
            raise ConfigError("the part of a key fits none of the stolen weights; it belongs to another model")
        found: dict[str, Scalar] = {"units of the part": sum(len(part.places[name].indices) for name in mine)}
        if self.rest == "public":
            places = self._rest(ModuleState(network), ModuleState(held(view.public).network), part, mine)
            network = filled_from_public(network, ModuleState(held(view.public).network), places)
            found["filled units"] = sum(len(place.indices) for place in places.values())
        put_in(network, part, mine)
        return self.use(network, view, work, found=found)

    def _rest(self, keyed: State, public: State, part: LeakedPart, names: list[str]) -> dict[str, Place]:
        """Where the thief takes the rest of the key to lie; the part's own places may be among it."""
        found = {granularity: self.suspicion(keyed, public, granularity) for granularity in get_args(Granularity)}
        places, suspicion = {}, {}
        for name in names:
            place = part.places[name]
            fits = [scores for kind, scores in found.items() if units_of(place.info, kind) == place.unit]
            if fits and name in fits[0]:
                suspicion[name] = fits[0][name]
            elif len(keyed.infos[name].shape) <= 1:
                places[name] = whole_place(name, keyed.infos[name])
        return places | guessed_places(keyed, suspicion, self.share)


def put_in(network: nn.Module, part: LeakedPart, names: list[str]) -> None:
    """Write the part's values into ``network``, in the tensors called ``names``."""
    tensors = ModuleState(network).tensors
    for name in names:
        part.places[name].put(tensors[name], part.values[name])
