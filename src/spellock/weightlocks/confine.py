"""Confine training to the key: whatever the optimiser does, nothing outside the key changes by a bit (AdaLoc).

The authors mask gradients. That is not enough: biases without a mask learn, BatchNorm keeps counting statistics, and
AdamW's weight decay moves weights whose gradient is zero. Here the *update* is confined: tensors without a place in the
key learn nothing, BatchNorm's statistics stand still unless all of a layer's are in the key, gradients outside the key
are zero (so that clipping and momentum see the key alone), and after each step the outside is put back. Where the key
holds values in 4 bits, training computes with what these can say (`rounded_steps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel
from torch.utils.hooks import RemovableHandle

from spellock.errors import ConfigError
from spellock.weightlocks.deltas import stood_values
from spellock.weightlocks.places import check_fits
from spellock.weightlocks.rounded_steps import RoundedSteps
from spellock.weightlocks.states import ModuleState
from spellock.weightlocks.unlocking import check_outside, check_unlocked, key_values
from spellock.weightlocks.weight_key import WeightKey

#: Where what stands in the key's place is in the optimiser's state, which checkpoints keep.
_STANDING: Final = "standing key values"


class Confinement:
    """Keeps the training of a model inside the key until it is closed. Made by `confine`; also a context manager."""

    def __init__(self, optimizer: Optimizer | None, key: WeightKey, model: nn.Module, *, exact_steps: int = 0) -> None:
        if exact_steps < 0:
            raise ConfigError(f"exact_steps is {exact_steps}, expected 0 or more")
        self.key, self.model = key, model
        state = ModuleState(model, known=key.digests)
        check_fits(key.places, state.infos, what="the model")
        check_outside(state, key, what="the model to train")
        check_unlocked(state, key, what="the model to train")
        self._handles: list[RemovableHandle] = []
        self._frozen: list[nn.Parameter] = []
        self._partial: dict[str, tuple[Tensor, Tensor]] = {}
        self._closed = False
        self._rounding: RoundedSteps | None = None
        inner: Any = getattr(optimizer, "optimizer", optimizer)  # accelerate wraps it
        self._optimizer = inner
        # A run that goes on has its checkpoint's model, which is not what the key opens.
        stored = None if inner is None else inner.state.get(_STANDING)
        self._standing: dict[str, Tensor] = stored or stood_values(state, key)
        parameters = _parameters(model, key)
        if not any(parameter.requires_grad for name, parameter in parameters.items() if name in key.places):
            raise ConfigError(
                "no parameter in the key has requires_grad, expected some to train; unfreeze them before confining"
            )
        for name, parameter in parameters.items():
            place = key.places.get(name)
            if place is None:
                # Optimisers ask for a gradient, not for requires_grad: one left from before would move the tensor, and
                # one of zeros lets weight decay do so.
                parameter.grad = None
                if parameter.requires_grad:
                    parameter.requires_grad_(False)
                    self._frozen.append(parameter)
            elif not place.whole:
                mask = place.mask().to(parameter.device)
                only = _only(mask)
                only(parameter)
                self._partial[name] = (mask, parameter.detach().clone())
                self._handles.append(parameter.register_post_accumulate_grad_hook(only))
        for name, module in model.named_modules():
            if _counts(module) and not _all_in(key, f"{name}.".lstrip("."), dict(module.named_buffers(recurse=False))):
                module.eval()
                self._handles.append(module.register_forward_pre_hook(_stand_still))
        if inner is not None:
            self._handles.append(inner.register_step_post_hook(lambda *_: self._after_step()))
            learns = {name: parameter for name, parameter in parameters.items() if parameter.requires_grad}
            self._rounding = RoundedSteps(inner, key, learns, self._standing, exact_steps=exact_steps)

    def project(self, model: nn.Module | None = None) -> None:
        """Put everything outside the key back to what it was, in ``model`` (for example an average of weights, whose
        rounding moves what all its parts agree on); by default in the model itself, as after every step.

        Args:
            model: with the tensors of the confined one; of an `AveragedModel` of PyTorch the model inside is taken.

        Raises:
            ConfigError: it has not the key's tensors, or the confinement is closed.
        """
        if self._closed:
            raise ConfigError("got a model to put back after the confinement was closed; do it within the with block")
        other = None if model is None else _averaged(model)
        if other is not None:
            check_fits(self.key.places, ModuleState(other, known=self.key.digests).infos, what="the model to put back")
        parameters = _parameters(other or self.model, self.key)
        with torch.no_grad():
            for name, (mask, base) in self._partial.items():
                torch.where(mask, parameters[name], base, out=parameters[name].data)
            if other is not None:
                mine: Mapping[str, Tensor] = self.model.state_dict()
                for name, tensor in other.state_dict().items():
                    # Statistics in a part of which the key lies stand still all together.
                    if name in self.key.digests and (name not in self.key.places or self._stands_still(name)):
                        tensor.copy_(mine[name])

    def _after_step(self) -> None:
        self.project()
        if self._standing:  # behind what the optimiser itself keeps, for some look at what comes first
            self._optimizer.state.setdefault(_STANDING, self._standing)

    def _stands_still(self, name: str) -> bool:
        return name not in self._partial and not self.key.places[name].whole

    def new_key(self, model: nn.Module | None = None) -> WeightKey:
        """The key of the trained model: of the next version, for the same keyed model. Old keys open the old state.

        Args:
            model: what the key shall open, as in `project`; by default the model itself.

        Raises:
            ModelError: something outside the key has changed nevertheless.
        """
        state = ModuleState(self.model if model is None else _averaged(model), known=self.key.digests)
        check_outside(state, self.key, what="the trained model")
        return self.key.replace(values=key_values(state, self.key, self._standing), version=self.key.version + 1)

    def as_held(self) -> AbstractContextManager[None]:
        """Within it the model is what its `new_key` would open: to judge it before `exact_steps` are over.

        Raises:
            ConfigError: the confinement is closed, or a weight is not finite.
        """
        if self._closed:
            raise ConfigError("got a model to look at after the confinement was closed; do it within the with block")
        return nullcontext() if self._rounding is None else self._rounding.as_held()

    def close(self) -> None:
        """Let the model train freely again."""
        for handle in self._handles:
            handle.remove()
        if self._rounding is not None:
            self._rounding.close()
        if self._optimizer is not None:
            self._optimizer.state.pop(_STANDING, None)
        for parameter in self._frozen:
            parameter.requires_grad_(True)
        self._handles, self._frozen, self._partial, self._closed = [], [], {}, True

    def __enter__(self) -> Confinement:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def confine(optimizer: Optimizer, key: WeightKey, model: nn.Module, *, exact_steps: int = 0) -> Confinement:
    """Confine every step of ``optimizer`` on the unlocked ``model`` to the key.

    Works with any torch optimiser, momentum and weight decay included, with gradient clipping, accumulation, mixed
    precision, and with accelerate's wrapper. Parameters without a part in the key get ``requires_grad`` False, and lose
    gradients that they have.

    Args:
        exact_steps: of a key that holds values in 4 bits, for how many of the first steps the model has exact values.
            Two thirds of all steps were better than none for some networks. What the key opens in that time is
            `Confinement.as_held`.

    Raises:
        ConfigError: the key does not fit the model, the model is still the keyed one, or nothing in the key can be
            trained.
        ModelError: the model differs from the keyed one outside the key already.
    """
    return Confinement(optimizer, key, model, exact_steps=exact_steps)


def _parameters(model: nn.Module, key: WeightKey) -> dict[str, nn.Parameter]:
    """By name; one that has several (tied weights) is there once, under the key's name of it or the first."""
    found: dict[int, tuple[str, nn.Parameter]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        if id(parameter) not in found or name in key.digests:
            found[id(parameter)] = name, parameter
    return dict(found.values())


def _only(mask: Tensor) -> Any:
    outside = ~mask

    def hook(parameter: Tensor) -> None:
        if parameter.grad is not None:
            parameter.grad.masked_fill_(outside, 0)  # not a product, which leaves infinities and NaN to clipping

    return hook


def _averaged(model: nn.Module) -> nn.Module:
    """The model inside PyTorch's average of weights, or ``model``."""
    return model.module if isinstance(model, AveragedModel) else model


def _counts(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.batchnorm._NormBase) and bool(module.track_running_stats)


def _all_in(key: WeightKey, stem: str, buffers: Mapping[str, Tensor]) -> bool:
    """Whether the whole of a layer's statistics is in the key: a part of them cannot be counted alone."""
    places = [key.places.get(f"{stem}{name}") for name in buffers]
    return all(place is not None and place.whole for place in places)


def _stand_still(module: nn.Module, _: object) -> None:
    # Before each pass, for a training loop's model.train() sets it going again.
    module.eval()
