"""Where an editor's training stands, as one safetensors file: nested settings with tensors in them, and no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from spellock.artefacts import write_bytes
from spellock.errors import ModelError


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (dicts, lists, tensors and plain values) atomically.

    Raises:
        StorageError: the disk is full, or the folder may not be written to.
    """
    tensors: dict[str, Tensor] = {}
    described = _describe(state, tensors)
    write_bytes(path, save(tensors, metadata={"state": json.dumps(described)}))


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state saved at ``path``, tuples as lists, or None when there is none.

    Raises:
        ModelError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            state: dict[str, Any] = _restore(json.loads(file.metadata()["state"]), tensors)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(
            f"the checkpoint {path} is damaged or of another version; remove it to start that part again"
        ) from error
    return state


def _describe(value: Any, tensors: dict[str, Tensor]) -> Any:
    """``value`` as JSON, with its tensors named and put into ``tensors``."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().contiguous()
        # Other strides take other code paths, which may round differently: they are kept.
        return {"tensor": name, "strides": value.stride()}
    if isinstance(value, dict):
        # In pairs, because an optimiser's keys are numbers, which JSON would turn into text.
        return {"pairs": [[key, _describe(one, tensors)] for key, one in value.items()]}
    return [_describe(one, tensors) for one in value] if isinstance(value, list | tuple) else value


def _restore(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The inverse of `_describe`."""
    if isinstance(value, list):
        return [_restore(one, tensors) for one in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {key: _restore(one, tensors) for key, one in value["pairs"]}
    tensor = tensors[value["tensor"]]
    return torch.empty_strided(tensor.shape, value["strides"], dtype=tensor.dtype).copy_(tensor)
