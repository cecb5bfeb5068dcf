"""Training on values that the key can hold, so that what is learnt is what the key opens, however coarsely it rounds.

Rounding after training loses what training does not know of. Here the model computes with rounded values all along, and
the exact ones, which every step changes, are kept beside them: else steps smaller than the rounding would be lost. This
is the straight-through estimator of training with few bits (BinaryConnect, arXiv 1511.00363, section 2.3). The first
steps from a public model are small against four bits, so it may begin later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from spellock.errors import ConfigError
from spellock.weightlocks.deltas import differences, opened
from spellock.weightlocks.places import Place
from spellock.weightlocks.value_coding import is_coarse, rounded, wide
from spellock.weightlocks.weight_key import WeightKey

#: Where the exact values are in the optimiser's state, which checkpoints keep.
EXACT_VALUES: Final = "exact key values"
#: Where the number of steps so far is, likewise, until rounding begins.
EXACT_STEPS: Final = "steps before the key's rounding"


class RoundedSteps:
    """Rounds what a key holds in few bits after every step of an optimiser, until it is closed.

    Args:
        optimizer: whose steps change the parameters; its state gets the exact values, by tensor.
        key: of the model; what its coding rounds finely or not at all is left alone.
        parameters: those that learn, by name.
        standing: what stands in the keyed model where the key holds deltas; see `deltas.stood_values`.
        exact_steps: how many of the first steps are left as they are.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        key: WeightKey,
        parameters: Mapping[str, nn.Parameter],
        standing: Mapping[str, Tensor],
        *,
        exact_steps: int = 0,
    ) -> None:
        self._optimizer, self._coding, self._shown = optimizer, key.coding, dict[str, Tensor]()
        self._exact_steps = exact_steps
        self._learns: dict[str, tuple[Place, nn.Parameter]] = {
            name: (key.places[name], parameter)
            for name, parameter in parameters.items()
            if name in key.places and is_coarse(key.places[name].info, key.coding)
        }
        self._standing = {
            name: standing[name].to(parameter.device)
            for name, (_, parameter) in self._learns.items()
            if name in standing
        }
        self._handles: list[RemovableHandle] = []
        if self._learns:
            self._handles.append(optimizer.register_step_pre_hook(lambda *_: self._before()))
            self._handles.append(optimizer.register_step_post_hook(lambda *_: self._after()))

    def close(self) -> None:
        """Let the optimiser go on by itself."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._state.pop(EXACT_VALUES, None)
        self._state.pop(EXACT_STEPS, None)

    @contextmanager
    def as_held(self) -> Iterator[None]:
        """The parameters as the key would hold them, for a look at the model between two steps.

        Raises:
            ConfigError: they are not finite.
        """
        exact = {name: place.take(parameter) for name, (place, parameter) in self._learns.items()}
        shown = self._rounded({name: values.to(wide(values.dtype)) for name, values in exact.items()})
        self._put(shown)
        try:
            yield
        finally:
            self._put(exact)

    @property
    def _state(self) -> dict[Any, Any]:
        """Asked for anew: the optimiser has another one when its state was loaded."""
        state: dict[Any, Any] = self._optimizer.state
        return state

    def _before(self) -> None:
        self._shown = {name: place.take(parameter) for name, (place, parameter) in self._learns.items()}

    @torch.no_grad()
    def _after(self) -> None:
        done = self._state.get(EXACT_STEPS, {"done": torch.tensor(0)})["done"]  # a tensor, as checkpoints keep
        if EXACT_VALUES not in self._state and int(done) < self._exact_steps:
            self._state[EXACT_STEPS] = {"done": done + 1}
            return
        kept: Mapping[str, Tensor] = self._state.get(EXACT_VALUES, {})
        exact = {}
        for name, (place, parameter) in self._learns.items():
            now, before = (one.to(wide(place.info.dtype)) for one in (place.take(parameter), self._shown[name]))
            exact[name] = kept[name] + (now - before) if name in kept else now
        try:
            shown = self._rounded(exact)
        except ConfigError:  # not finite: whoever runs the loop, or asks for the key, says so
            return
        self._state.pop(EXACT_STEPS, None)
        self._state[EXACT_VALUES] = exact
        self._put(shown)

    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, (place, parameter) in self._learns.items():
            place.put(parameter, values[name])

    def _rounded(self, exact: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What the key would open: units of one size all at once, for one tensor at a time takes as long as a step."""
        found, groups = {}, dict[tuple[object, ...], list[Place]]()
        for name, (place, _) in self._learns.items():
            # Single weights lie in blocks of their neighbours, units never do.
            groups.setdefault((place.unit, place.info.dtype, name if place.unit == 1 else ""), []).append(place)
        for places in groups.values():
            values = [self._held(place, exact[place.name]) for place in places]
            held = rounded(torch.cat(values), places[0].info, self._coding).split([len(one) for one in values])
            for place, part in zip(places, held, strict=True):
                standing = self._standing.get(place.name)
                found[place.name] = part if standing is None else opened(place, part, standing, self._coding)
        return found

    def _held(self, place: Place, exact: Tensor) -> Tensor:
        """What the key holds, not rounded."""
        values, standing = exact.to(place.info.dtype), self._standing.get(place.name)
        return values if standing is None else differences(values, standing)
