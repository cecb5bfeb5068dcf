"""Places: their bytes, what they take and put, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.errors import ConfigError
from spellock.weightlocks.places import Place, decode_indices, encode_indices, merge, units_of, whole_place
from spellock.weightlocks.states import TensorInfo

INFO = TensorInfo(dtype=torch.float32, shape=(4, 3))


def place(indices: list[int], unit: int = 3, info: TensorInfo = INFO) -> Place:
    return Place(name="w", info=info, unit=unit, indices=np.array(indices, dtype=np.int64))


@given(st.sets(st.integers(0, 5000), min_size=1) | st.sets(st.integers(0, 60), min_size=20), st.booleans())
def test_indices_come_back(numbers: set[int], bits: bool) -> None:
    indices = np.array(sorted(numbers), dtype=np.int64)
    assert (decode_indices(encode_indices(indices, bits=bits)) == indices).all()


def test_dense_keys_take_a_bit_a_unit() -> None:
    rising = np.arange(0, 8000, 2)
    assert encode_indices(rising) == bytes([0]) + 999 * bytes([0b01010101]) + bytes([0b01010101])
    assert len(encode_indices(rising, bits=False)) == 4000
    # At an eighth the two are as long, and the list is taken.
    assert encode_indices(np.arange(7, 8000, 8)) == bytes(1000 * [8])


def test_one_byte_a_step_below_255() -> None:
    assert encode_indices(np.array([0, 254, 508, 763])) == bytes([1, 254, 254, 255, 0])


def test_cut_list_is_refused() -> None:
    with pytest.raises(ConfigError, match="ends within"):
        decode_indices(bytes([3, 255]))


@pytest.mark.parametrize("indices", [[], [1, 1], [2, 1], [-1, 0], [0, 4]])
def test_indices_that_are_no_units_are_refused(indices: list[int]) -> None:
    with pytest.raises(ConfigError, match="rising numbers of its 4 units of 3 values"):
        place(indices)


def test_units_must_divide_the_tensor() -> None:
    with pytest.raises(ConfigError, match="of its 0 units"):
        place([0], unit=5)


def test_takes_and_puts_rows() -> None:
    tensor = torch.arange(12.0).reshape(4, 3)
    where = place([1, 3])
    assert where.take(tensor).tolist() == [[3, 4, 5], [9, 10, 11]]
    where.put(tensor, torch.zeros(2, 3))
    assert tensor.tolist() == [[0, 1, 2], [0, 0, 0], [6, 7, 8], [0, 0, 0]]


def test_puts_into_tensors_of_any_layout() -> None:
    tensor = torch.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5).to(memory_format=torch.channels_last)
    where = place([1], unit=60, info=TensorInfo(dtype=torch.float32, shape=(2, 3, 4, 5)))
    where.put(tensor, -where.take(tensor))
    assert (tensor[1] == -torch.arange(60.0, 120).reshape(3, 4, 5)).all()
    assert (tensor[0] == torch.arange(60.0).reshape(3, 4, 5)).all()


def test_mask_has_the_tensors_shape() -> None:
    assert place([0, 2]).mask().tolist() == [[True] * 3, [False] * 3, [True] * 3, [False] * 3]
    assert place([1, 5], unit=1).mask().flatten().nonzero().flatten().tolist() == [1, 5]


def test_merging_rows_with_single_weights() -> None:
    both = merge(place([1]), place([0, 4, 11], unit=1))
    assert both.unit == 1
    assert both.indices.tolist() == [0, 3, 4, 5, 11]
    assert merge(place([1]), place([0, 1])).indices.tolist() == [0, 1]


def test_scalars_and_empty_shapes() -> None:
    single = TensorInfo(dtype=torch.int64, shape=())
    assert units_of(single, "unit") == 1
    assert whole_place("n", single).take(torch.tensor(5)).tolist() == [[5]]
    assert whole_place("n", single).whole
