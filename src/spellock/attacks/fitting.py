"""The training loop of the attacks that train: short, repeatable, and going on where it was stopped."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from spellock.artefacts import storage_errors, write_bytes
from spellock.attacks.budget import Clock
from spellock.attacks.checks import one_of, positive
from spellock.attacks.view import AttackerView
from spellock.progress import track
from spellock.tasks.own_seed import own_seed

#: A batch's loss: places (B,) of its images, and a generator for what is drawn for this step.
Loss = Callable[[NDArray[np.int64], np.random.Generator], Tensor]
_OPTIMISERS = ("adam", "adamw", "sgd")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to train: SGD has Nesterov momentum 0.9; ``cosine`` lets the learning rate fall to 0.

    Raises:
        ConfigError: a value is out of range.
    """

    steps: int
    batch_size: int
    learning_rate: float
    optimizer: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "cosine"
    checkpoint_every: int = 200

    def __post_init__(self) -> None:
        positive(steps=self.steps, batch_size=self.batch_size, learning_rate=self.learning_rate)
        one_of("optimizer", self.optimizer, _OPTIMISERS)
        one_of("schedule", self.schedule, ("cosine", "constant"))

    def rate(self, step: int) -> float:
        """Learning rate of step 0, 1, ..."""
        fall = (1 + math.cos(math.pi * step / self.steps)) / 2 if self.schedule == "cosine" else 1.0
        return self.learning_rate * fall


def fit(
    module: nn.Module,
    parameters: Iterable[nn.Parameter],
    loss: Loss,
    *,
    images: int,
    plan: Plan,
    seed: int,
    clock: Clock,
    checkpoint: Path | None = None,
    label: str = "training",
) -> int:
    """Train ``parameters`` of ``module`` in place on batches of ``images`` images, reshuffled every epoch.

    Stops early when the clock is over or the loss is no number any more. ``checkpoint`` is a file that the same call
    goes on from. Torch's global random state is left as it was.

    Returns:
        The steps done, those before an interruption included.
    """
    trained = list(parameters)
    if images == 1:
        without_batch_statistics(module)
    optimiser = _optimiser(plan, trained)
    run = hashlib.sha256(repr((plan, images, seed, [tuple(one.shape) for one in trained])).encode()).hexdigest()
    done = _load(checkpoint, run, module, optimiser)
    for step in track(range(done, plan.steps), total=plan.steps - done, label=label):
        if clock.over:
            break
        for group in optimiser.param_groups:
            group["lr"] = plan.rate(step)
        with own_seed(int(np.random.default_rng([seed, step, 0x746F7263]).integers(2**31))):
            value = loss(batch_of(step, images, plan.batch_size, seed), np.random.default_rng([seed, step]))
            if not torch.isfinite(value):
                break
            optimiser.zero_grad(set_to_none=True)
            value.backward()
        optimiser.step()
        done = step + 1
        if checkpoint is not None and (done % plan.checkpoint_every == 0 or done == plan.steps):
            _save(checkpoint, run, done, module, optimiser)
    return done


def fit_for(
    view: AttackerView,
    module: nn.Module,
    parameters: Iterable[nn.Parameter],
    loss: Loss,
    *,
    images: int,
    plan: Plan,
    work: Path | None,
    name: str,
    label: str,
    clock: Clock | None = None,
) -> int:
    """`fit` within the thief's budget and with its seed; the checkpoint is ``work/name.safetensors``, if anywhere.

    ``clock`` is this run's part of the attack's time, where there are several; None gives it all.
    """
    return fit(
        module,
        parameters,
        loss,
        images=images,
        plan=replace(plan, steps=view.budget.at_most("steps", plan.steps)),
        seed=view.seed,
        clock=clock or view.clock,
        checkpoint=None if work is None else work / f"{name}.safetensors",
        label=label,
    )


def batch_of(step: int, images: int, batch_size: int, seed: int) -> NDArray[np.int64]:
    """Places of the images of a step: every epoch has an order of its own, and its last batch may be short."""
    size = min(batch_size, images)
    steps = -(-images // size)
    order = np.random.default_rng([seed, step // steps, 0x6F72646E]).permutation(images)
    start = (step % steps) * size
    batch: NDArray[np.int64] = order[start : start + size]
    # One image alone would have no batch statistics.
    return batch if len(batch) > 1 or images == 1 else np.append(batch, order[0])


def without_batch_statistics(module: nn.Module) -> None:
    """BatchNorm as in use: one image is no batch, and where it is one pixel by then torch refuses it."""
    for layer in module.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            layer.eval()


def _optimiser(plan: Plan, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    if plan.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=plan.learning_rate, momentum=0.9, nesterov=True, weight_decay=plan.weight_decay
        )
    kind = torch.optim.AdamW if plan.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr=plan.learning_rate, weight_decay=plan.weight_decay)


def _save(path: Path, run: str, done: int, module: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {f"module.{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"optimiser.{place}.{name}": value for place, name, value in _states(optimiser)}
    copies = {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(copies, metadata={"run": run, "steps": str(done)}))


def _states(optimiser: torch.optim.Optimizer) -> Iterator[tuple[int, str, Tensor]]:
    for place, values in optimiser.state_dict()["state"].items():
        for name, value in values.items():
            if isinstance(value, Tensor):
                yield place, name, value


def _load(path: Path | None, run: str, module: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    """Take up a checkpoint of the same run; the steps that it had done, 0 without one."""
    if path is None or not path.is_file():
        return 0
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no iterator of its own
    except (OSError, SafetensorError):
        return 0  # damaged: begin again
    if metadata.get("run") != run:
        return 0
    own = {name.removeprefix("module."): value for name, value in tensors.items() if name.startswith("module.")}
    module.load_state_dict(own)
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith("optimiser."):
            _, place, key = name.split(".", 2)
            state.setdefault(int(place), {})[key] = value
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
    return int(metadata["steps"])
