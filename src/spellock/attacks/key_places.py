"""Find where a weight key was taken out, and train only what is missing there on labelled images.

A thief of a weight lock who has no public model: what stands outside the key is the owner's, so only the place of the
key has to be learnt, from fewer labels than a whole network needs. It needs the place, which the fill may give away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, cast, get_args

from torch import nn

from spellock.attacks.base import Attack, Stolen
from spellock.attacks.checks import check_needs, one_of, positive
from spellock.attacks.confined_model import ConfinedModel
from spellock.attacks.labelled_training import LabelledTraining
from spellock.attacks.levels import Asset
from spellock.attacks.mirroring import FOLLOW, check_flip, flips
from spellock.attacks.outputs import places_of_classes
from spellock.attacks.registry import register_attack
from spellock.attacks.view import AttackerView
from spellock.attacks.weight_fills import guessed_places
from spellock.attacks.weight_places import MARKS, Granularity, Mark, by_magnitude
from spellock.errors import ConfigError
from spellock.hidden import Scalar
from spellock.tasks.heads import find_head
from spellock.weightlocks.places import Place, whole_place
from spellock.weightlocks.states import ModuleState


@register_attack("key-places")
@dataclass(frozen=True, kw_only=True)
class KeyPlaces(Attack):
    """Rank the units of every layer by suspicion, and train the first of them and the vectors; the rest stands still.

    Attributes:
        mark: norms that give the key away: ``high``, ``low``, ``outlier`` or ``typical`` for their layer; see
            `spellock.attacks.weight_places`. Units of zeros come first under each.
        share: of each matrix's units that is trained.
        granularity: filters and rows (``unit``), runs of up to 16 weights of one (``block``), or single weights
            (``scalar``).
        head: the classifier trains as a whole (``trained``), or like every other matrix (``ranked``).
        steps: of each run; learning rates are chosen as in the attack finetune.
        batch_size: images a step.
        flip: mirror images at random: ``yes``, ``no``, or ``follow`` what the locked model's own training did.
    """

    variants: ClassVar[Mapping[str, Mapping[str, Scalar]]] = MappingProxyType(
        {
            "": MappingProxyType({}),
            "low": MappingProxyType({"mark": "low"}),
            "blocks": MappingProxyType({"granularity": "block"}),
            "single weights": MappingProxyType({"granularity": "scalar"}),
        }
    )
    mark: str = "typical"
    share: float = 0.1
    granularity: str = "unit"
    head: str = "trained"
    steps: int = 300
    batch_size: int = 64
    flip: str = FOLLOW

    def __post_init__(self) -> None:
        one_of("mark", self.mark, MARKS)
        one_of("granularity", self.granularity, get_args(Granularity))
        one_of("head", self.head, ("trained", "ranked"))
        check_flip(self.flip)
        positive(share=self.share, steps=self.steps, batch_size=self.batch_size)
        if self.share > 1:
            raise ConfigError(f"option share is {self.share}, expected at most 1")

    @property
    def needs(self) -> frozenset[Asset]:
        """See `Attack.needs`."""
        return frozenset({Asset.WEIGHTS, Asset.UNLABELLED, Asset.LABELS})

    def __call__(self, view: AttackerView, work: Path | None = None) -> list[Stolen]:
        """See `Attack`. Raises `ConfigError` where the model has no matrices to rank."""
        check_needs(view, self.needs)
        start = view.stolen.eval()
        places = self._places(start.network)
        training = LabelledTraining(
            prepare=lambda model: (trained := ConfinedModel(model, places), trained.values),
            steps=self.steps,
            batch_size=self.batch_size,
            flip=flips(self.flip, view),
            name="refitted",
        )
        (stolen,) = training(view, start, places_of_classes(view, start, view.unlabelled), work)
        units = sum(len(place.indices) for place in places.values())
        return [replace(stolen, found={**stolen.found, "trained units": units})]

    def _places(self, network: nn.Module) -> dict[str, Place]:
        state = ModuleState(network)
        scores = by_magnitude(state, cast(Mark, self.mark), granularity=cast(Granularity, self.granularity))
        if not scores:
            raise ConfigError("the stolen network has no weight matrices, expected some to find a key's place in")
        whole = {name for name, _ in network.named_parameters() if len(state.infos[name].shape) == 1}
        if self.head == "trained":
            head, _ = find_head(network)
            whole |= {name for name in state.infos if name.startswith(f"{head}.")}
        ranked = guessed_places(state, {name: found for name, found in scores.items() if name not in whole}, self.share)
        return ranked | {name: whole_place(name, info) for name, info in state.infos.items() if name in whole}
