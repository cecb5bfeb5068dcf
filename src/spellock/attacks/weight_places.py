"""Where does the key of a keyed model lie? Units that stand out in their layer, or that differ from the public model.

A fill has to look like its layer to hide the key's place, and a lock of large units leaves a layer without its largest
ones. Two ways to look for that: rank the units of each layer by how unlikely their norm is (no other knowledge), or
compare with the public pretrained model, where a thief has it. Both give a score a unit; how well the scores find the
key is for the evaluation to say.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from spellock.errors import ConfigError
from spellock.weightlocks.kinds import Kind, kind_of
from spellock.weightlocks.places import units_of
from spellock.weightlocks.states import State

#: What is taken for the mark of a key: norms above the layer's, below it, far from it either way, or too near to it.
Mark = Literal["high", "low", "outlier", "typical"]
MARKS: tuple[Mark, ...] = ("high", "low", "outlier", "typical")
Granularity = Literal["unit", "block", "scalar"]


def by_magnitude(keyed: State, mark: Mark, *, granularity: Granularity = "unit") -> dict[str, Tensor]:
    """Suspicion of each unit from the keyed model alone.

    With z the norm of a unit, standardised over the units of its tensor that are not zero, the score is z ("high"),
    -z ("low"), abs(z) ("outlier") or -abs(z) ("typical": noise of one spread gives all units nearly the same norm).
    Units that are exactly zero come before all others, whatever the mark: nothing that was trained is.

    Args:
        granularity: filters and rows ("unit"), runs of up to 16 weights of one ("block"), or single weights ("scalar").

    Returns:
        float32 (U,) by name, for every weight matrix, convolution and embedding; higher is likelier in the key. Scores
        of different tensors can be compared.

    Raises:
        ConfigError: there is no such mark.
    """
    if mark not in MARKS:
        raise ConfigError(f"got the mark {mark!r}, expected one of {', '.join(MARKS)}")
    found, zeros = {}, {}
    for name in _matrices(keyed):
        norms = _units(keyed, name, granularity).norm(dim=1)
        there = norms[norms > 0]
        spread = there.std() if len(there) > 1 else torch.zeros(())
        z = (norms - there.mean()) / spread if spread > 0 else torch.zeros_like(norms)
        found[name] = {"high": z, "low": -z, "outlier": z.abs(), "typical": -z.abs()}[mark]
        zeros[name] = norms == 0
    first = 1 + max((_highest(scores, zeros[name]) for name, scores in found.items()), default=0.0)
    return {name: torch.where(zeros[name], torch.full_like(scores, first), scores) for name, scores in found.items()}


def by_difference(keyed: State, public: State, *, granularity: Granularity = "unit") -> dict[str, Tensor]:
    """Suspicion of each unit from a comparison with the public model: the Euclidean norm of their difference.

    A model whose updates stay in its key equals the public one everywhere else, so every unit with a score above zero
    is in the key.

    Returns:
        float32 (U,) by name, for every weight matrix, convolution and embedding that the public model has in the same
        shape.
    """
    found = {}
    for name in _matrices(keyed):
        other = public.infos.get(name)
        if other is not None and other.shape == keyed.infos[name].shape:
            found[name] = (_units(keyed, name, granularity) - _units(public, name, granularity)).norm(dim=1)
    return found


def _matrices(state: State) -> list[str]:
    infos = state.infos
    return [name for name in infos if kind_of(name, infos) is Kind.MATRIX and infos[name].scalars]


def _units(state: State, name: str, granularity: Granularity) -> Tensor:
    return state[name].reshape(-1, units_of(state.infos[name], granularity)).float()


def _highest(scores: Tensor, left_out: Tensor) -> float:
    kept = scores[~left_out]
    return float(kept.max()) if len(kept) else 0.0
