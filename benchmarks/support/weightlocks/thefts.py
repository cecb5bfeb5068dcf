"""What a thief without the key makes of a keyed model, and how well the key's place shows."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from spellock.attacks.weight_fills import filled_from_public, fine_tuned
from spellock.attacks.weight_places import MARKS, Granularity, by_difference, by_magnitude
from spellock.weightlocks.kinds import Kind, head_tensors, kind_of
from spellock.weightlocks.places import Place, units_of
from spellock.weightlocks.states import ModuleState, State
from support.cells import Figures
from support.weightlocks.data import Owned, network_input
from support.weightlocks.keys import Keyed
from support.weightlocks.networks import Public, renew_head
from support.weightlocks.settings import LABELLED
from support.weightlocks.training import accuracy

#: Share of the units that a thief takes for the key, who does not know how many they are.
GUESSED = 0.10


def place_figures(keyed: Keyed, public: State, *, granularity: Granularity) -> Figures:
    """How well each way to look for the key finds it, in percent: the area under the curve, and precision and recall
    of the tenth of all units that look most like it.

    Looked at are matrices, convolutions and embeddings but the classifier, which is in our keys whatever it looks like.

    Args:
        granularity: the key's.
    """
    state = ModuleState(keyed.model)
    ways: dict[str, dict[str, Tensor]] = {mark: by_magnitude(state, mark, granularity=granularity) for mark in MARKS}
    ways["difference"] = by_difference(state, public, granularity=granularity)
    infos = state.infos
    matrices = [name for name in public.infos if name in infos and kind_of(name, infos) is Kind.MATRIX]
    names = [name for name in matrices if name not in head_tensors(infos)]
    truth = torch.cat([_chosen(keyed.key.places.get(name), infos[name].scalars // units_of(infos[name], granularity))
                       for name in names]).numpy()  # fmt: skip
    found: Figures = {}
    if not truth.any() or truth.all():
        return found
    for way, scores in ways.items():
        seen = torch.cat([scores[name] for name in names]).numpy()
        guess = np.argsort(-seen, kind="stable")[: max(1, int(GUESSED * len(seen)))]
        found[f"place_{way}_auc"] = 100 * float(roc_auc_score(truth, seen))
        found[f"place_{way}_precision"] = 100 * float(truth[guess].mean())
        found[f"place_{way}_recall"] = 100 * float(truth[guess].sum() / truth.sum())
    return found


def thefts(keyed: Keyed, owned: Owned, public: Public, *, rate: float, seed: int) -> Figures:
    """Accuracy of the thief who knows the key's place and the public model: as it is after the public fill, and after
    training on 1 and 10 % of the labels. Where the classifier is in the key the training starts from a fresh one."""
    filled = filled_from_public(keyed.model, public.state(owned.classes), keyed.key.places)
    found = {"public_fill": accuracy(filled, owned.test)}
    if any(name in keyed.key.places for name in head_tensors(ModuleState(filled).infos)):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed + 1000)
            renew_head(filled)
    return found | trained_on_labels(filled, owned, public, rate=rate, seed=seed)


def control(owned: Owned, public: Public, *, rate: float, seed: int) -> Figures:
    """The same training from the public model alone."""
    return trained_on_labels(public.for_thieves(owned.classes), owned, public, rate=rate, seed=seed)


def trained_on_labels(model: nn.Module, owned: Owned, public: Public, *, rate: float, seed: int) -> Figures:
    budget, device = public.pair.budget, next(model.parameters()).device
    found = {}
    for percent in LABELLED:
        part = owned.labelled(percent, seed=seed)
        stolen = fine_tuned(
            model, network_input(part.inputs.to(device)), part.labels.to(device), steps=budget.thief_steps,
            learning_rate=rate, batch_size=budget.batch_size, seed=seed,
        )  # fmt: skip
        found[f"tuned_{percent}"] = accuracy(stolen, owned.test)
    return found


def _chosen(place: Place | None, units: int) -> Tensor:
    """bool (units,): which of a tensor's units are in the key."""
    found = torch.zeros(units, dtype=torch.bool)
    if place is not None:
        scalars = place.info.scalars // units
        found[torch.from_numpy(place.indices) * place.unit // scalars] = True
    return found
