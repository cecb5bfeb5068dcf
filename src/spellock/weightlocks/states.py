"""A model's weights by name, whether they lie in a module or in a safetensors file, read one tensor at a time."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from spellock.artefacts import read_json
from spellock.errors import DataError, ModelError
from spellock.weightlocks.dtypes import TORCH

WEIGHTS_FILE: Final = "model.safetensors"
INDEX_FILE: Final = "model.safetensors.index.json"


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """A tensor's dtype and shape."""

    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def scalars(self) -> int:
        """Number of values."""
        return torch.Size(self.shape).numel()

    @property
    def bytes(self) -> int:
        """Size of the values in memory."""
        return self.scalars * self.dtype.itemsize


class State(Protocol):
    """Weights by name, in a fixed order."""

    @property
    def infos(self) -> Mapping[str, TensorInfo]:
        """dtype and shape of every tensor, without reading it."""
        ...

    def __getitem__(self, name: str) -> Tensor:
        """The tensor, on the CPU and contiguous. It may be a part of the model itself: not to be written to."""
        ...


class ModuleState:
    """The state of a module. A tensor that has several names (tied weights) counts once, under the first of them.

    Args:
        known: names that go before the first: those of a file or a key, for what writes files may take another one.

    Raises:
        ModelError: two tensors share a part of their memory only, or an entry of the state is no plain tensor, as in
            modules quantised with packed weights.
    """

    def __init__(self, module: nn.Module, *, known: Container[str] = ()) -> None:
        self.tensors: dict[str, Tensor] = {}
        seen: dict[tuple[object, ...], str] = {}
        storages: dict[int, str] = {}
        for name, tensor in module.state_dict(keep_vars=True).items():
            if not isinstance(tensor, Tensor) or tensor.is_quantized or tensor.layout != torch.strided:
                raise ModelError(
                    f"{name} of the model is no plain tensor (quantised or packed weights), expected dense ones; lock "
                    "the model before it is quantised"
                )
            if tensor.is_meta:
                raise ModelError(f"{name} of the model is on the meta device, expected values; load the weights first")
            place = (tensor.device, tensor.data_ptr(), tensor.shape, tensor.stride())
            storage = tensor.untyped_storage().data_ptr()
            if tensor.numel() and place in seen:
                if name in known and seen[place] not in known:
                    self.tensors[name] = self.tensors.pop(seen[place])
                    seen[place] = name
                continue
            if tensor.numel() and storage in storages:
                raise ModelError(
                    f"{name} and {storages[storage]} share a part of their memory, expected separate tensors or the "
                    "same one under two names; clone one of them"
                )
            if tensor.numel():
                seen[place], storages[storage] = name, name
            self.tensors[name] = tensor.detach()

    @property
    def infos(self) -> Mapping[str, TensorInfo]:
        return {name: TensorInfo(dtype=t.dtype, shape=tuple(t.shape)) for name, t in self.tensors.items()}

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name].cpu().contiguous()


class FileState:
    """The tensors of a safetensors file, or of a folder with ``model.safetensors`` or its shards; mapped, not read.

    Raises:
        ModelError: there is no such file, or it is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.files = weight_files(self.path)
        self._infos: dict[str, TensorInfo] = {}
        self._handles: dict[str, safe_open] = {}
        self._file_of: dict[str, Path] = {}
        for file in self.files:
            try:
                handle = safe_open(file, framework="pt")
            except (OSError, SafetensorError) as error:
                raise ModelError(f"cannot read {file}: {error}; it is damaged or no safetensors file") from error
            for name in handle.offset_keys():  # type: ignore[no-untyped-call]
                if name in self._infos:
                    raise ModelError(f"{file} holds {name}, which another file of {self.path} holds too; remove one")
                part = handle.get_slice(name)  # type: ignore[no-untyped-call]
                self._infos[name] = TensorInfo(dtype=_dtype(part.get_dtype(), name), shape=tuple(part.get_shape()))
                self._handles[name] = handle
                self._file_of[name] = file

    @property
    def infos(self) -> Mapping[str, TensorInfo]:
        return self._infos

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._handles[name].get_tensor(name)  # type: ignore[no-untyped-call]
        return tensor

    def in_file(self, file: Path) -> list[str]:
        """Names of the tensors in one of ``files``, in the order of their bytes."""
        return [name for name in self._infos if self._file_of[name] == file]


def weight_files(path: Path) -> list[Path]:
    """The safetensors files of a model: the file itself, or those of a folder.

    Raises:
        ModelError: there are none, or the index of a folder's shards names a file outside of it.
    """
    if path.is_file():
        return [path]
    if (path / WEIGHTS_FILE).is_file():
        return [path / WEIGHTS_FILE]
    if (path / INDEX_FILE).is_file():
        try:
            names = sorted(set(read_json(path / INDEX_FILE)["weight_map"].values()))
        except (DataError, KeyError, AttributeError, TypeError) as error:
            raise ModelError(f"{path / INDEX_FILE} is no index of safetensors shards; the folder is damaged") from error
        if any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise ModelError(f"{path / INDEX_FILE} names files outside its folder, expected plain file names")
        return [path / name for name in names]
    raise ModelError(f"no weights at {path}; expected a .safetensors file or a folder with {WEIGHTS_FILE}")


def shard_index(path: Path) -> bytes | None:
    """The index of a folder's shards as it is, or None where the model is one file."""
    index = path / INDEX_FILE
    if path.is_file() or (path / WEIGHTS_FILE).is_file() or not index.is_file():
        return None
    return json.dumps(read_json(index), indent=2, sort_keys=True).encode() + b"\n"


def _dtype(code: str, name: str) -> torch.dtype:
    if code not in TORCH:
        raise ModelError(f"tensor {name} is of type {code}, which PyTorch has not; convert it first")
    return TORCH[code]
