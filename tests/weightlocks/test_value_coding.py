"""The coding of a key's values against a restatement value by value in plain Python, and its laws."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import Tensor

from spellock.errors import ConfigError
from spellock.keyfile_cipher import ScryptCost
from spellock.weightlocks.coded_values import CodedValues
from spellock.weightlocks.lock_config import WeightLockConfig
from spellock.weightlocks.locking import lock_module
from spellock.weightlocks.parts import part_of
from spellock.weightlocks.select_config import SelectConfig
from spellock.weightlocks.states import ModuleState, TensorInfo
from spellock.weightlocks.summary import summarise
from spellock.weightlocks.unlocking import unlocked
from spellock.weightlocks.value_coding import coded_bytes, decode_values, encode_values, rounded
from spellock.weightlocks.weight_keyfile import load_weight_key, save_weight_key
from spellock.weightlocks.weight_payload import payload_of

from .networks import SECRET, small_net

#: The largest code and a hair more, which rounds to it.
LARGEST = {"int8": 127 + 2**-5, "int4": 7 + 2**-9}
SHAPES = st.tuples(st.integers(1, 5), st.sampled_from([1, 2, 9, 31, 32, 33, 70]))


def info_of(values: Tensor) -> TensorInfo:
    return TensorInfo(dtype=values.dtype, shape=(2 * len(values), values.shape[1]))


def by_hand(values: Tensor, coding: str) -> list[float]:
    """Each block of 32 of a row is whole multiples of the smallest power of two that its largest value allows."""
    rows = [values.reshape(-1).tolist()] if values.shape[1] == 1 else values.tolist()
    found = []
    for row in rows:
        for start in range(0, len(row), 32):
            block = row[start : start + 32]
            power = -120
            while max(map(abs, block)) > LARGEST[coding] * 2.0**power:
                power += 1
            found += [round(value / 2.0**power) * 2.0**power for value in block]
    return found


@given(SHAPES, st.sampled_from(["int8", "int4"]), st.integers(0, 2**31), st.integers(-60, 60))
@example((1, 31), "int8", 225, 0)  # its largest value is a hair above 127 thirty-seconds
def test_rounds_like_the_formula(shape: tuple[int, int], coding: str, seed: int, power: int) -> None:
    values = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2.0**power
    assert rounded(values, info_of(values), coding).reshape(-1).tolist() == by_hand(values, coding)


@given(
    SHAPES,
    st.sampled_from(["exact", "int8", "int4"]),
    st.sampled_from([torch.float32, torch.float64, torch.float16, torch.bfloat16]),
    st.integers(0, 2**31),
    st.integers(-30, 10),
)
def test_bytes_come_back(shape: tuple[int, int], coding: str, dtype: torch.dtype, seed: int, power: int) -> None:
    values = (torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * 2.0**power).to(dtype)
    info = info_of(values)
    once = rounded(values, info, coding)
    data = encode_values(values, info, coding)
    assert once.dtype == dtype
    assert once.shape == values.shape
    assert torch.equal(rounded(once, info, coding), once)
    assert encode_values(once, info, coding) == data
    assert torch.equal(decode_values(memoryview(data), *shape, info, coding), once)
    assert coded_bytes(*shape, info, coding) == len(data)


@pytest.mark.parametrize("coding", ["int8", "int4"])
def test_errors_are_small(coding: str) -> None:
    values = torch.randn(8, 64)
    error = (rounded(values, info_of(values), coding) - values).abs().reshape(8, 2, 32).amax(2)
    # Half a step, and a step is at most the largest magnitude over half of the largest code.
    assert (error <= values.abs().reshape(8, 2, 32).amax(2) / LARGEST[coding]).all()
    assert error.max() > 0


def test_vectors_stay_exact() -> None:
    values = torch.randn(7, 1)
    info = TensorInfo(dtype=torch.float32, shape=(7,))
    assert torch.equal(rounded(values, info, "int4"), values)
    assert coded_bytes(7, 1, info, "int4") == 28


@pytest.mark.parametrize("bad", [math.nan, math.inf, 3e38])
def test_refuses_what_cannot_be_rounded(bad: float) -> None:
    values = torch.tensor([[1.0, bad]])
    with pytest.raises(ConfigError, match="not finite or too large"):
        rounded(values, info_of(values), "int8")


@pytest.mark.parametrize(("coding", "least", "most"), [("int8", 3.5, 4), ("int4", 6.5, 8)])
def test_locks_with_a_smaller_key(tmp_path: Path, coding: str, least: float, most: float) -> None:
    select = SelectConfig(fraction=0.3, include_head=False, norms="frozen", biases="frozen")
    plain = lock_module(small_net(), WeightLockConfig(select=select), secret=SECRET)
    model = small_net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    key = lock_module(model, WeightLockConfig(select=select, coding=coding), secret=SECRET)
    assert least <= plain.value_bytes / key.value_bytes <= most
    assert summarise(key.places, ModuleState(model).infos, coding=coding).value_bytes == key.value_bytes

    path = tmp_path / "w.key"
    save_weight_key(key, path, passphrase="open sesame", cost=ScryptCost(n=2, r=8, p=1))
    found = load_weight_key(path, passphrase="open sesame")
    assert payload_of(found) == payload_of(key)
    with unlocked(model, found):
        now = model.state_dict()
        for name, place in key.places.items():
            assert torch.equal(place.take(now[name]), rounded(place.take(before[name]), place.info, coding))
            assert not torch.equal(place.take(now[name]), place.take(before[name]))
        assert all(torch.equal(now[name], before[name]) for name in before if name not in key.places)


def test_a_part_has_the_values_of_the_whole() -> None:
    key = lock_module(small_net(), WeightLockConfig(select=SelectConfig(fraction=0.5), coding="int8"), secret=SECRET)
    part = part_of(key, 0.5)
    assert part.coding == "int8"
    for name, place in part.places.items():
        if place.unit > 1:
            whole = {int(index): row for index, row in zip(key.places[name].indices, key.values[name], strict=True)}
            assert all(
                torch.equal(row, whole[int(index)]) for index, row in zip(place.indices, part.values[name], strict=True)
            )


def test_refuses_an_unknown_coding_and_values_between_codes() -> None:
    with pytest.raises(ConfigError, match="expected one of exact, int8, int4"):
        WeightLockConfig(coding="int5")
    key = lock_module(small_net(), WeightLockConfig(select=SelectConfig(fraction=0.5), coding="int8"), secret=SECRET)
    name = next(name for name, place in key.places.items() if len(place.info.shape) > 1)
    off = dict(key.values) | {name: key.values[name] * 1.0001}
    with pytest.raises(ConfigError, match="no int8 values"):
        key.replace(values=off)


def test_keys_keep_values_as_their_file_does() -> None:
    key = lock_module(small_net(), WeightLockConfig(select=SelectConfig(fraction=0.5), coding="int8"), secret=SECRET)
    assert isinstance(key.values, CodedValues)
    assert sum(len(key.values.raw(name)) for name in key.values) == key.value_bytes
    assert "hidden" in repr(key.values)
    plain = key.replace(values=dict(key.values))
    assert payload_of(plain) == payload_of(key)


def test_codes_that_rounding_never_gives_are_refused() -> None:
    key = lock_module(small_net(), WeightLockConfig(select=SelectConfig(fraction=0.5), coding="int8"), secret=SECRET)
    name = next(name for name, place in key.places.items() if place.unit > 1)
    raw = {each: key.values.raw(each) for each in key.values}  # type: ignore[attr-defined]
    # Every code one step smaller than its power of two allows: the same kind of bytes, but written by nothing.
    blocks = len(raw[name]) - key.places[name].scalars
    halved = bytes((code // 2 if code < 128 else 128 + code // 2) for code in raw[name][blocks:])
    raised = bytes((power + 1) % 256 for power in raw[name][:blocks])
    with pytest.raises(ConfigError, match="no int8 values"):
        key.replace(values=CodedValues(key.places, raw | {name: raised + halved}, "int8"))
