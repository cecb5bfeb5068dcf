"""Values coded and decoded in parts are those of the whole, bit for bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.weightlocks import coded_parts
from spellock.weightlocks.coded_parts import decode_part, encode_place
from spellock.weightlocks.places import Place
from spellock.weightlocks.states import TensorInfo
from spellock.weightlocks.value_coding import decode_values, encode_values

CASES = st.tuples(
    st.integers(1, 400),
    st.sampled_from([1, 3, 16, 31, 32, 33, 70]),
    st.sampled_from(["exact", "int8", "int4", "int4-delta"]),
    st.sampled_from([torch.float32, torch.float16, torch.bfloat16]),
    st.integers(0, 2**31),
)


def place_of(units: int, unit: int, dtype: torch.dtype, seed: int) -> tuple[Place, torch.Tensor]:
    tensor = torch.randn(units, 2 * unit, generator=torch.Generator().manual_seed(seed)).to(dtype)
    info = TensorInfo(dtype=dtype, shape=tuple(tensor.shape))
    indices = np.sort(np.random.default_rng(seed).permutation(2 * units)[:units])
    return Place(name="t", info=info, unit=unit, indices=indices), tensor


@given(CASES)
def test_a_place_is_encoded_like_its_values(case: tuple[int, int, str, torch.dtype, int]) -> None:
    units, unit, coding, dtype, seed = case
    place, tensor = place_of(units, unit, dtype, seed)
    whole = encode_values(place.take(tensor), place.info, coding)
    with pytest.MonkeyPatch.context() as patch:
        for cached in (1, 1 << 18):
            patch.setattr(coded_parts, "_CACHED", cached)
            assert encode_place(place, tensor, coding) == whole


@given(CASES, st.lists(st.integers(0, 400), max_size=5))
def test_parts_are_decoded_like_the_whole(case: tuple[int, int, str, torch.dtype, int], cuts: list[int]) -> None:
    units, unit, coding, dtype, seed = case
    place, tensor = place_of(units, unit, dtype, seed)
    data = memoryview(encode_values(place.take(tensor), place.info, coding))
    whole = decode_values(data, units, unit, place.info, coding)
    bounds = sorted({0, units, *(cut for cut in cuts if cut < units)})
    for start, stop in pairwise(bounds):
        part = decode_part(data, units, unit, place.info, coding, slice(start, stop))
        assert torch.equal(part, whole[start:stop])
