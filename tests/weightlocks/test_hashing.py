"""Digests taken in threads: those of the files on disk, and the threads end."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from spellock.derived import Secret
from spellock.errors import ModelError
from spellock.weightlocks import hashing as room
from spellock.weightlocks.digest import digest_of
from spellock.weightlocks.hashing import Hashing
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.model_files import lock_files, unlock_files
from spellock.weightlocks.outside import outside_tag
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.weight_payload import payload_of

from .networks import SECRET, small_net
from .older import older


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=12), min_size=1, max_size=4), st.booleans())
@settings(max_examples=20, deadline=None)
def test_pieces_of_several_tensors_are_hashed_in_their_order(sizes: list[list[int]], small: bool) -> None:
    tensors = [torch.arange(sum(each) * 1000, dtype=torch.float32) for each in sizes]
    with pytest.MonkeyPatch.context() as patch, Hashing() as hashing:
        patch.setattr(room, "SMALL", 1 << 30 if small else 0)
        digests = []
        for tensor, each in zip(tensors, sizes, strict=True):
            info = TensorInfo(dtype=tensor.dtype, shape=tuple(tensor.shape))
            digests.append(hashing.start(info))
            for piece in tensor.split([size * 1000 for size in each]):
                digests[-1].update(piece)
        found = [digest.hexdigest() for digest in digests]
    wanted = [
        hashlib.sha256(f"torch.float32 [{len(tensor)}]\n".encode() + tensor.numpy().tobytes()).hexdigest()
        for tensor in tensors
    ]
    assert found == wanted


def large(path: Path) -> None:
    """A model whose tensors are several pieces, and more than may wait for a thread."""
    generator = torch.Generator().manual_seed(0)
    shapes = {"embed.weight": (3000, 512), "mix.weight": (1500, 700), "mix.bias": (1500,), "head.weight": (40, 700)}
    save_file({name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}, path)


@pytest.mark.parametrize("granularity", ["unit", "scalar"])
def test_the_key_has_the_digests_of_what_is_on_disk(tmp_path: Path, granularity: str) -> None:
    large(tmp_path / "m.safetensors")
    config = WeightLockConfig(select=SelectConfig(fraction=0.1, granularity=granularity))  # type: ignore[arg-type]
    key = lock_files(tmp_path / "m.safetensors", tmp_path / "keyed", config, secret=SECRET)
    for name, tensor in load_file(tmp_path / "keyed" / "model.safetensors").items():
        info = TensorInfo(dtype=tensor.dtype, shape=tuple(tensor.shape))
        assert key.digests[name] == digest_of(info, tensor)
        if name in key.places:
            assert key.outside[name] == outside_tag(key.places[name], tensor, Secret(SECRET))
    unlock_files(tmp_path / "keyed", tmp_path / "whole", key)
    whole = load_file(tmp_path / "whole" / "model.safetensors")
    assert all(torch.equal(whole[n], t) for n, t in load_file(tmp_path / "m.safetensors").items())


def test_a_module_is_not_written_to_while_it_is_hashed() -> None:
    net = torch.nn.Sequential(torch.nn.Linear(700, 900), torch.nn.Linear(900, 4))
    config = WeightLockConfig(select=SelectConfig(fraction=0.5, include_head=False))
    key = lock_module(net, config, secret=SECRET)
    for name, tensor in net.state_dict().items():
        assert key.digests[name] == digest_of(TensorInfo(dtype=tensor.dtype, shape=tuple(tensor.shape)), tensor)


@pytest.mark.parametrize("name", ["embed.weight", "head.weight"])
def test_an_altered_large_tensor_is_refused_and_the_threads_end(tmp_path: Path, name: str) -> None:
    large(tmp_path / "m.safetensors")
    key = lock_files(tmp_path / "m.safetensors", tmp_path / "keyed", WeightLockConfig(), secret=SECRET)
    path = tmp_path / "keyed" / "model.safetensors"
    state = load_file(path)
    state[name].view(torch.int32)[-1, -1] ^= 1
    path.unlink()
    save_file(state, path)
    before = threading.active_count()
    with pytest.raises(ModelError, match=f"{name} differs"):
        unlock_files(tmp_path / "keyed", tmp_path / "whole", key)
    assert threading.active_count() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["keyed", "m.safetensors"]


def test_a_lock_that_fails_half_way_leaves_neither_files_nor_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large(tmp_path / "m.safetensors")

    def broken(*_: object, **__: object) -> str:
        raise MemoryError("no memory to hash in")

    monkeypatch.setattr("spellock.weightlocks.locking.encode_place", broken)
    before = threading.active_count()
    with pytest.raises(MemoryError, match="no memory to hash in"):
        lock_files(tmp_path / "m.safetensors", tmp_path / "keyed", WeightLockConfig(), secret=SECRET)
    assert threading.active_count() == before
    assert [each.name for each in tmp_path.iterdir()] == ["m.safetensors"]


def test_the_bytes_are_those_of_the_first_version(tmp_path: Path) -> None:
    """Keys and keyed models made before digests were taken in threads."""
    save_file({n: t.contiguous() for n, t in small_net().state_dict().items()}, tmp_path / "s.safetensors")
    config = WeightLockConfig(select=SelectConfig(fraction=0.3, balance=0.0), fill="zero")
    key = older(lock_files(tmp_path / "s.safetensors", tmp_path / "keyed", config, secret=SECRET), small_net())
    keyed = (tmp_path / "keyed" / "model.safetensors").read_bytes()
    assert hashlib.sha256(keyed).hexdigest().startswith("33c0c93988a15aa3")
    assert hashlib.sha256(payload_of(key, layout=1)).hexdigest().startswith("0ab89ab78d2cad9e")
