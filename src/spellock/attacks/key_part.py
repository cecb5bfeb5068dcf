"""A thief who holds a part of a weight key puts it in, and fills what is missing.

CoreLocker and AdaLoc let a part of a key open a part of the performance. Whoever has such a part also knows which
tensors the key lies in and whether it is made of rows or single weights, so the rest is easier to find.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, cast, get_args

from torch import Tensor, nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, held, one_of, positive
from spellock.attacks.filled import THEN, use
from spellock.attacks.leaked_part import LeakedPart
from spellock.attacks.levels import Asset
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_fills import filled_from_public, guessed_places
from spellock.attacks.weight_places import MARKS, Granularity, Mark, by_difference, by_magnitude
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.weightlocks.places import Place, whole_place
from spellock.weightlocks.states import ModuleState, State


@register_attack("key-part")
@dataclass(frozen=True, kw_only=True)
class KeyPart(Attack):
    """Put the part in; take the rest as it stands or from the public model; then read the outputs or fine-tune.

    Attributes:
        rest: ``keep`` what stands outside the part, or fill the suspected places from the ``public`` model. Tensors
            that the part has nothing of are left alone, and vectors that it has something of are filled as a whole.
        mark: what gives the missing places away, as in the attack public-fill.
        share: of the units of each matrix that the part lies in, which is filled.
        then: ``read`` the outputs, or ``finetune`` on labelled images as the attack of that name does.
        steps: of fine-tuning.
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
    mark: str = "difference"
    share: float = 0.1
    then: str = "read"
    steps: int = 300

    def __post_init__(self) -> None:
        one_of("rest", self.rest, ("keep", "public"))
        one_of("mark", self.mark, ("difference", *MARKS))
        one_of("then", self.then, THEN)
        positive(share=self.share, steps=self.steps)
        if self.share > 1:
            raise ConfigError(f"option share is {self.share}, expected at most 1")

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        public = {Asset.PUBLIC} if self.rest == "public" else set()
        labels = {Asset.LABELS} if self.then == "finetune" else {Asset.QUERIES}
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.KEY_PART} | public | labels)

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
        return use(network, view, work, then=self.then, steps=self.steps, found=found)

    def _rest(self, keyed: State, public: State, part: LeakedPart, names: list[str]) -> dict[str, Place]:
        """Where the thief takes the rest of the key to lie; the part's own places may be among it."""
        both = {unit: self._scores(keyed, public, unit) for unit in get_args(Granularity)}
        places, suspicion = {}, {}
        for name in names:
            scores = both["scalar" if part.places[name].unit == 1 else "unit"]
            if name in scores:
                suspicion[name] = scores[name]
            elif len(keyed.infos[name].shape) <= 1:
                places[name] = whole_place(name, keyed.infos[name])
        return places | guessed_places(keyed, suspicion, self.share)

    def _scores(self, keyed: State, public: State, granularity: Granularity) -> dict[str, Tensor]:
        if self.mark == "difference":
            return by_difference(keyed, public, granularity=granularity)
        return by_magnitude(keyed, cast(Mark, self.mark), granularity=granularity)


def put_in(network: nn.Module, part: LeakedPart, names: list[str]) -> None:
    """Write the part's values into ``network``, in the tensors called ``names``."""
    tensors = ModuleState(network).tensors
    for name in names:
        part.places[name].put(tensors[name], part.values[name])
