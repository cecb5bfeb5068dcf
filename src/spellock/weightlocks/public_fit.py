"""Which of a key's places a public model has weights for; in the others stands noise, also for keys of deltas."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from spellock.errors import ConfigError
from spellock.weightlocks.kinds import Kind, kind_of
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import State

_log = logging.getLogger(__name__)


def stands_public(place: Place, public: State) -> bool:
    """Whether the public model has the tensor, in its dtype and shape."""
    return public.infos.get(place.name) == place.info


def without_public(places: Mapping[str, Place], state: State, public: State) -> list[str]:
    """Tensors of the key that the public model has not; statistics have one fill for all and do not count."""
    return [
        name
        for name, place in places.items()
        if kind_of(name, state.infos) is not Kind.STATISTIC and not stands_public(place, public)
    ]


def check_public(places: Mapping[str, Place], state: State, public: State) -> None:
    """Refuse another network's weights; name tensors that the public one has not so, as a classifier of other classes.

    Raises:
        ConfigError: it has none of the key's matrices.
    """
    missing = without_public(places, state, public)
    matrices = [name for name in places if kind_of(name, state.infos) is Kind.MATRIX]
    if matrices and set(matrices) <= set(missing):
        raise ConfigError(
            f"the public model has none of the key's {len(matrices)} matrices in their shape, as {matrices[0]}; give "
            "the model that this one was fine-tuned from"
        )
    if missing:
        shown = ", ".join(missing[:3]) + (", ..." if len(missing) > 3 else "")
        _log.warning("the public model has not %s in this shape (%d in all); noise stands there", shown, len(missing))
