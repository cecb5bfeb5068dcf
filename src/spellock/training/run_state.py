"""Checkpoints: one safetensors file with the network, the optimiser's memory and where the run stands.

One file, renamed into place, so that a kill at any instant leaves the last complete checkpoint.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn

from spellock.artefacts import write_bytes
from spellock.errors import ConfigError, ModelError
from spellock.tasks.checkpoint import tensors_of

_NETWORK, _OPTIMISER = "network.", "optimiser."
#: Written since later versions: a checkpoint without them is not refused for it.
_LATER = frozenset({"pixels", "twin_pixels", "start"})
#: Why some of what says which run it is may differ, where that says more than its name.
_REASONS = {
    "pixels": ": the images have changed since",
    "twin_pixels": ": the images have changed since",
    "start": ": the model starts from other weights, or was trained since and has to be made anew",
}


@dataclass
class RunState:
    """Where a run stands.

    Attributes:
        run: settings and digests that say which run this is.
        epoch: epochs done.
        history: a row of the log for each.
        best_epoch: epoch (from 1) with the best validation score so far, 0 before the first.
        best_score: its score; None without one.
    """

    run: dict[str, Any]
    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_score: float | None = None


class Checkpoints:
    """The folder ``checkpoint`` of a run: ``state.safetensors`` and the weights of the best epoch."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "state.safetensors"

    def save(self, state: RunState, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Write a checkpoint, then drop weights of epochs that are the best no more."""
        tensors = {_NETWORK + name: tensor for name, tensor in tensors_of(network).items()}
        for index, memory in optimiser.state_dict()["state"].items():
            for name, value in memory.items():
                if isinstance(value, Tensor):
                    tensors[f"{_OPTIMISER}{index}.{name}"] = value.detach().cpu().contiguous()
        write_bytes(self.path, save(tensors, metadata={"state": json.dumps(asdict(state))}))
        for old in self.folder.glob("best-*.safetensors"):
            if old != self.best_path(state.best_epoch):
                old.unlink(missing_ok=True)

    def load(self, run: dict[str, Any], network: nn.Module, optimiser: torch.optim.Optimizer) -> RunState | None:
        """Continue from the folder's checkpoint: fill network and optimiser; None where there is none.

        Raises:
            ConfigError: the checkpoint is of a run with other settings or data.
            ModelError: it is damaged.
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                state = RunState(**json.loads(file.metadata()["state"]))
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"the checkpoint {self.path} is damaged ({error}); remove it to start again") from error
        told = (run.keys() | state.run.keys()) - (_LATER - state.run.keys())
        differs = sorted(name for name in told if run.get(name) != state.run.get(name))
        if differs:
            reasons = {_REASONS.get(name, "") for name in differs}
            reason = reasons.pop() if len(reasons) == 1 else ""
            raise ConfigError(
                f"{self.folder} holds a checkpoint of another run ({', '.join(differs)} differ{reason}); "
                "choose another folder, or remove it to start again"
            )
        network.load_state_dict({k.removeprefix(_NETWORK): v for k, v in tensors.items() if k.startswith(_NETWORK)})
        _fill(optimiser, {k.removeprefix(_OPTIMISER): v for k, v in tensors.items() if k.startswith(_OPTIMISER)})
        return state

    def best_path(self, epoch: int) -> Path:
        """Weights of a best epoch."""
        return self.folder / f"best-{epoch:05d}.safetensors"

    def save_best(self, epoch: int, network: nn.Module) -> None:
        """Keep the weights of the best epoch so far; the former best stays until the next checkpoint is written."""
        write_bytes(self.best_path(epoch), save(tensors_of(network)))

    def load_best(self, epoch: int, network: nn.Module) -> None:
        """Put the weights of the best epoch into ``network``.

        Raises:
            ModelError: the file is missing or damaged.
        """
        try:
            network.load_state_dict(load_file(self.best_path(epoch)))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise ModelError(f"cannot read the best weights {self.best_path(epoch)}: {error}; train again") from error


def _fill(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    memory: dict[int | str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".", 1)
        if not index.isdecimal():  # what others keep in an optimiser's state is of no one parameter
            memory.setdefault(index, {})[name] = tensor
            continue
        parameter = parameters[int(index)]
        if tensor.shape == parameter.shape:
            # In the parameter's own memory order: other strides take other code paths, which may round differently.
            tensor = torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
        memory.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({"state": memory, "param_groups": optimiser.state_dict()["param_groups"]})
