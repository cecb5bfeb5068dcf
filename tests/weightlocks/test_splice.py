"""Tensors with other values in the key's place, piece by piece."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spellock.derived import Secret
from spellock.keystream import Keystream
from spellock.weightlocks import splice
from spellock.weightlocks.digest import digest_of
from spellock.weightlocks.fills import Hole, registry
from spellock.weightlocks.outside import outside_digest
from spellock.weightlocks.places import Place
from spellock.weightlocks.splice import LASTING, Buffers, cleared, lasting_buffers, spliced
from spellock.weightlocks.states import TensorInfo


@st.composite
def cases(draw: st.DrawFn) -> tuple[Place, torch.Tensor, torch.Tensor]:
    """A tensor of any width, a place in it, and values for that."""
    dtype = draw(st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64]))
    rows, row = draw(st.integers(1, 40)), draw(st.integers(1, 7))
    unit = draw(st.sampled_from([1, row]))
    count = rows * row // unit
    indices = np.array(sorted(draw(st.sets(st.integers(0, count - 1), min_size=1))), dtype=np.int64)
    place = Place(name="t", info=TensorInfo(dtype=dtype, shape=(rows, row)), unit=unit, indices=indices)
    tensor = torch.arange(1, rows * row + 1).reshape(rows, row).to(dtype)
    return place, tensor, -torch.arange(1.0, len(indices) * unit + 1).reshape(-1, unit)


@given(cases(), st.integers(1, 200))
def test_the_pieces_are_the_tensor_with_the_values_put_in(
    case: tuple[Place, torch.Tensor, torch.Tensor], size: int
) -> None:
    place, tensor, values = case
    wanted, before = tensor.clone(), tensor.clone()
    place.put(wanted, values.to(tensor.dtype))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splice, "_PIECE_BYTES", size)
        pairs = [(old.clone(), new.clone()) for old, new in spliced(place, tensor, values, lasting_buffers())]
    for wanted_whole, parts in ((before, [old for old, _ in pairs]), (wanted, [new for _, new in pairs])):
        assert torch.equal(torch.cat([part.reshape(-1) for part in parts]), wanted_whole.reshape(-1))
    assert torch.equal(tensor, before), "the tensor itself is left alone"


@given(cases())
def test_cleared_pieces_hash_like_a_copy_with_zeros(case: tuple[Place, torch.Tensor, torch.Tensor]) -> None:
    place, tensor, _ = case
    empty = tensor.clone()
    empty[place.mask()] = 0
    assert torch.equal(torch.cat([piece.reshape(-1).clone() for piece in cleared(place, tensor)]), empty.reshape(-1))
    assert outside_digest(place, tensor) == digest_of(place.info, empty)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("kept", [0, 1, 400])
def test_noise_has_the_spread_of_what_is_outside(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, kept: int
) -> None:
    tensor = (0.1 + torch.randn(500, 4, generator=torch.Generator().manual_seed(1))).to(dtype)
    tensor[kept:] *= 50 if kept else 1
    place = Place(
        name="t", info=TensorInfo(dtype=dtype, shape=(500, 4)), unit=4, indices=np.arange(kept, 500, dtype=np.int64)
    )
    hole = Hole(place=place, tensor=tensor, stream=Keystream(Secret(bytes(32)), "test"))
    wanted = (tensor[:kept] if kept else tensor).double()
    for summed in (1, 1 << 20):
        monkeypatch.setattr(registry, "_SUMMED", summed)
        mean, spread = hole.mean_and_spread()
        assert mean == pytest.approx(float(wanted.mean()), rel=1e-3)
        assert spread == pytest.approx(float(wanted.std()), rel=1e-3)


def test_large_copies_last_as_long_as_threads_may_read_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small ones in between, which no thread is told of, do not count."""
    monkeypatch.setattr(splice, "_PIECE_BYTES", 1 << 16)
    buffers = lasting_buffers()
    first = buffers.copy(torch.full((1 << 14,), 1.0))
    for number in range(100):
        buffers.copy(torch.full((10,), float(number)))
    for number in range(LASTING):
        buffers.copy(torch.full((1 << 15,), number, dtype=torch.int16))
        assert bool((first == 1.0).all())
    again = buffers.copy(torch.full((1 << 14,), 2.0))
    assert again.data_ptr() == first.data_ptr(), "memory is used again"


def test_buffers_grow_for_larger_pieces() -> None:
    buffers = Buffers(1)
    for count in (1 << 16, 1 << 20, 1 << 17):
        piece = torch.arange(count, dtype=torch.float32).reshape(-1, 4)
        assert torch.equal(buffers.copy(piece), piece)
