"""Projection: the lock's gradient without the part that works against the task's, and never longer than the task's.

Locking asks shared filters to forget what the task asks them to learn. Projecting the gradient of one of two tasks
only, the one that forgets, is said to keep more of the other than weighting does (arXiv 2604.14808).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from spellock.errors import ConfigError
from spellock.training.combination import StepLoss, register_combination
from spellock.training.optimiser import layer_ids

#: Of the weight's control: its speed, how much of the average loss a step keeps, and bounds.
_SPEED: Final = 0.05
_KEPT: Final = 0.95
_BOUNDS: Final = (math.log(0.05), math.log(10.0))


@register_combination("projection")
@dataclass(frozen=True, kw_only=True)
class Projection:
    """g_T + c (g_L - min(0, <g_L, g_T>) g_T / |g_T|^2), layer by layer.

    g_T is the gradient of the authorised images' part of the loss, g_L lambda times that of the rest, regularisers
    included; c at most 1 and such that what is added is not longer than g_T. Where g_T is 0, g_L is added as it is.

    Attributes:
        task_loss_limit: what the loss on authorised images (mean over them, with the teacher's part) may be, for
            example that of a run on edited images alone plus some slack. Each step log lambda moves by 0.05 (limit -
            average loss), lambda within 0.05 and 10, the average forgetting 5 % a step; lambda starts at 1. None:
            lambda is 1.

    Raises:
        ConfigError: the limit is out of range.
    """

    splits: ClassVar[bool] = True
    task_loss_limit: float | None = None

    def __post_init__(self) -> None:
        if self.task_loss_limit is not None and not 0 < self.task_loss_limit < float("inf"):
            raise ConfigError(f"task_loss_limit is {self.task_loss_limit}, expected a number above 0, or None")

    def open(self, network: nn.Module) -> Projecting:
        """For the trained parameters of a network, a group a layer."""
        return Projecting(network, limit=self.task_loss_limit)


class Projecting:
    """A projection at work; see `Projection`."""

    def __init__(self, network: nn.Module, *, limit: float | None) -> None:
        ids = layer_ids(network)
        named = [(name, one) for name, one in network.named_parameters() if one.requires_grad]
        self._parameters = [one for _, one in named]
        self._groups = [ids[name] for name, _ in named]
        self._limit, self._weight, self._loss = limit, 0.0, math.nan  # log lambda, average loss
        self._cosines: list[Tensor] = []

    def backward(self, loss: StepLoss, accelerator: Accelerator) -> Tensor:
        """See `Combiner`; the loss's value is that of the sum, with lambda."""
        parts = loss.parts()
        learn = self._gradient(parts.task, keep=True)
        if self._limit is not None and parts.task is not None:
            self._control(float(parts.task.detach()) / parts.share, self._limit)
        lock = None if parts.lock is None else math.exp(self._weight) * parts.lock
        steps, cosine = project(learn, self._gradient(lock, keep=False), self._groups)
        for parameter, step in zip(self._parameters, steps, strict=True):
            parameter.grad = step
        self._cosines.append(cosine)
        return torch.stack([part.detach() for part in (parts.task, lock) if part is not None]).sum()

    def row(self) -> dict[str, float]:
        """Mean cosine of both gradients over steps and layers; with a limit also lambda's state."""
        cosine, self._cosines = float(torch.stack(self._cosines).mean()), []
        state = {} if self._limit is None else {"log_lock_weight": self._weight, "task_loss": self._loss}
        return {"gradient_cosine": cosine} | state

    def resume(self, row: Mapping[str, float]) -> None:
        """See `Combiner`."""
        if self._limit is not None:
            self._weight, self._loss = row["log_lock_weight"], row["task_loss"]

    def _control(self, loss: float, limit: float) -> None:
        self._loss = loss if math.isnan(self._loss) else _KEPT * self._loss + (1 - _KEPT) * loss
        low, high = _BOUNDS
        self._weight = min(max(self._weight + _SPEED * (limit - self._loss), low), high)

    def _gradient(self, part: Tensor | None, *, keep: bool) -> list[Tensor]:
        if part is None or not part.requires_grad:
            return [torch.zeros_like(one) for one in self._parameters]
        found = torch.autograd.grad(part, self._parameters, retain_graph=keep, allow_unused=True)
        pairs = zip(found, self._parameters, strict=True)
        return [torch.zeros_like(own) if one is None else one for one, own in pairs]


def project(task: list[Tensor], lock: list[Tensor], groups: list[int]) -> tuple[list[Tensor], Tensor]:
    """The step of each parameter, see `Projection`, and the mean cosine of both gradients over the groups.

    Args:
        task, lock: gradients of the same parameters.
        groups: number of each parameter's group.
    """
    at = torch.tensor(groups, device=task[0].device)

    def dots(one: list[Tensor], other: list[Tensor]) -> Tensor:
        each = torch.stack([(a.float() * b.float()).sum() for a, b in zip(one, other, strict=True)])
        return torch.zeros(max(groups) + 1, device=at.device).index_add_(0, at, each)

    both, own, others = dots(task, lock), dots(task, task), dots(lock, lock)
    known = own > 0
    along = torch.where(known, both.clamp_max(0) / own.clamp_min(1e-30), torch.zeros_like(own))
    left = (others - along * both.clamp_max(0)).clamp_min(0)
    scale = torch.where(known, (own / left.clamp_min(1e-30)).sqrt().clamp_max(1), torch.ones_like(own))
    of_task, of_lock = (1 - scale * along)[at], scale[at]
    steps = [a * of_task[place] + b * of_lock[place] for place, (a, b) in enumerate(zip(task, lock, strict=True))]
    shared = known & (others > 0)
    cosine = (both / (own * others).sqrt().clamp_min(1e-30) * shared).sum() / shared.sum().clamp_min(1)
    return steps, cosine
