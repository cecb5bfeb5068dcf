"""Tags of what lies outside the key, against Poly1305 as RFC 8439 states it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.derived import Secret
from spellock.errors import ModelError
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.outside import (
    empty_digest,
    empty_tag,
    is_as_before,
    outside_digest,
    outside_tag,
)
from spellock.weightlocks.places import Place, whole_place
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState, TensorInfo
from spellock.weightlocks.unlocking import check_outside, unlock_module
from spellock.weightlocks.weight_payload import key_of, payload_of

from .networks import SECRET, small_net
from .older import older

KEY = Secret(SECRET)


def poly1305(key: bytes, message: bytes) -> str:
    """Section 2.5.1."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for start in range(0, len(message), 16):
        total = (total + int.from_bytes(message[start : start + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:], "little")) % 2**128).to_bytes(16, "little").hex()


def place_in(shape: tuple[int, int], indices: list[int], *, unit: int) -> Place:
    info = TensorInfo(dtype=torch.float32, shape=shape)
    return Place(name="layer.weight", info=info, unit=unit, indices=np.array(indices, dtype=np.int64))


def test_the_restatement_gives_the_rfcs_example() -> None:
    key = bytes.fromhex("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b")
    assert poly1305(key, b"Cryptographic Forum Research Group") == "a8061dc1305136c6c22b8baf0c0127a9"


@pytest.mark.parametrize("unit", [1, 5])
def test_a_tag_is_poly1305_of_the_tensor_with_zeros_in_the_keys_place(unit: int) -> None:
    tensor, place = torch.randn(30, 5), place_in((30, 5), [0, 7, 29], unit=unit)
    zeroed = tensor.masked_fill(place.mask(), 0)
    message = b"torch.float32 [30, 5]\n" + zeroed.numpy().tobytes()
    tag = outside_tag(place, tensor, KEY)
    assert tag == poly1305(KEY.derive("weight key: tag of what is outside, layer.weight"), message)
    assert outside_tag(place, zeroed, KEY) == tag, "what stands in the key's place does not count"
    assert outside_tag(place, tensor, Secret(bytes(32))) != tag


@given(st.integers(0, 59), st.integers(0, 31))
def test_any_bit_outside_counts_and_none_inside(number: int, bit: int) -> None:
    tensor, place = torch.arange(60.0).reshape(20, 3), place_in((20, 3), [4, 5, 19], unit=3)
    changed = tensor.clone()
    changed.view(torch.int32).view(-1)[number] ^= -(2**31) if bit == 31 else 1 << bit
    for held in (outside_tag(place, tensor, KEY), outside_digest(place, tensor)):
        assert is_as_before(place, tensor, held, KEY)
        assert is_as_before(place, changed, held, KEY) == (number // 3 in (4, 5, 19))


@pytest.mark.parametrize("scalars", [0, 1, 3, (1 << 18) + 5])
def test_a_tensor_that_is_all_key_needs_not_be_there(scalars: int) -> None:
    info = TensorInfo(dtype=torch.float32, shape=(max(scalars, 1),))
    place = whole_place("head.bias", info)
    tensor = torch.randn(max(scalars, 1))
    assert empty_tag(place, KEY) == outside_tag(place, tensor, KEY)
    assert empty_digest(place) == outside_digest(place, tensor)


def test_keys_of_older_files_have_digests_and_are_checked_by_them() -> None:
    net = small_net()
    config = WeightLockConfig(select=SelectConfig(granularity="scalar", fraction=0.3, include_head=False))
    key = older(lock_module(net, config, secret=SECRET), net)
    found = key_of(payload_of(key), name="w.key")
    assert found.outside == key.outside
    unlock_module(net, found)
    check_outside(ModuleState(net), found, what="the model")
    place = found.places["fc1.weight"]
    with torch.no_grad():
        net.fc1.weight.view(-1)[int(np.setdiff1d(np.arange(place.info.scalars), place.indices)[0])] += 1
    with pytest.raises(ModelError, match=r"differs from the keyed model outside the key, in fc1\.weight"):
        check_outside(ModuleState(net), found, what="the model")
